import { OciError, type OciErrorCode } from "./errors.ts";
import type { Exchange, ExchangePort } from "./http-exchange.ts";
import { mayBePlain, type EndpointOptions } from "./registry-endpoint.ts";
import { openAuthenticator } from "./registry-authentication.ts";
import type { RegistryCredential } from "./registry-credential.ts";

/** One call to a registry, below its base URL or at a Location that it gave. */
export interface RegistryCall {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Called for each attempt, so that a stream can be begun again. */
  readonly body?: () => Uint8Array | AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
  /** What the token must allow: `pull` or `pull,push`. */
  readonly actions: "pull" | "pull,push";
  /** Statuses that the caller deals with; any other becomes an error. */
  readonly accept: readonly number[];
  /** How often it may be made. Default: as the client's options say. */
  readonly attemptsMax?: number;
}

/** Calls about one repository, with authentication, redirects and retries. */
export interface RegistrySession {
  readonly base: URL;
  /**
   * @throws OciError `NotFound`, `Unauthorized`, `Denied` or `Refused` at once; `Unavailable` after the last attempt.
   */
  call(call: RegistryCall): Promise<Exchange>;
}

/** What a session needs. */
export interface SessionOptions extends EndpointOptions {
  readonly port: ExchangePort;
  readonly base: URL;
  readonly repository: string;
  readonly credential: RegistryCredential | undefined;
  readonly retry: RetryOptions;
  /** Authorization headers that worked, by registry and scope. */
  readonly tokens: Map<string, string>;
}

/** How often and how far apart failed calls are repeated. */
export interface RetryOptions {
  /** How many times a call is made at most. */
  readonly attemptsMax: number;
  /** The first delay; each following one is twice as long, up to 10 s, give or take half. */
  readonly delayMsMin: number;
  readonly sleep: (delayMs: number, signal: AbortSignal) => Promise<void>;
}

const delayMsMax = 10_000;
const retryAfterMsMax = 60_000;
const redirectsMax = 5;
const errorBytesMax = 65_536;
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const transient: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/** Opens a session; it holds nothing that must be closed. */
export function openSession(options: SessionOptions): RegistrySession {
  return { base: options.base, call: (call) => callWithRetries(call, options) };
}

async function callWithRetries(call: RegistryCall, options: SessionOptions): Promise<Exchange> {
  const attemptsMax = call.attemptsMax ?? options.retry.attemptsMax;
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await callOnce(call, options);
      if (call.accept.includes(answer.status)) return answer;
      throw await explain(answer, call, options);
    } catch (error) {
      if (!(error instanceof OciError) || error.code !== "Unavailable" || attempt >= attemptsMax) throw error;
      await options.retry.sleep(retryDelayMs(attempt, { error, retry: options.retry }), call.signal);
    }
  }
}

/** How long to wait before a repetition. */
export function retryDelayMs(attempt: number, { error, retry }: { error: unknown; retry: RetryOptions }): number {
  if (error instanceof RetryAfterError) return Math.min(error.delayMs, retryAfterMsMax);
  const delayMs = Math.min(retry.delayMsMin * 2 ** (attempt - 1), delayMsMax);
  return delayMs * (0.5 + Math.random());
}

class RetryAfterError extends OciError {
  readonly delayMs: number;

  constructor(message: string, delayMs: number) {
    super("Unavailable", message);
    this.delayMs = delayMs;
  }
}

async function callOnce(call: RegistryCall, options: SessionOptions): Promise<Exchange> {
  const authenticator = openAuthenticator(call, options);
  const first = await follow(call, authenticator.current(), options);
  if (first.status !== 401) return first;
  const authorization = await authenticator.answer(first);
  if (authorization === undefined) return first;
  first.discard();
  return await follow(call, authorization, options);
}

/** Sends, and follows redirects of reads. The Authorization header goes to the registry's own origin only. */
async function follow(
  call: RegistryCall,
  authorization: string | undefined,
  options: SessionOptions,
): Promise<Exchange> {
  let url = call.url;
  for (let hops = 0; ; hops++) {
    const isOwn = url.origin === options.base.origin;
    const answer = await options.port.send({
      method: call.method,
      url,
      headers: { ...call.headers, ...(isOwn && authorization !== undefined ? { authorization } : {}) },
      ...(call.body === undefined ? {} : { body: call.body() }),
      signal: call.signal,
    });
    if (!redirects.has(answer.status) || !["GET", "HEAD"].includes(call.method)) return answer;
    answer.discard();
    if (hops === redirectsMax) throw new OciError("Refused", `${call.url.href}: more than ${redirectsMax} redirects`);
    url = locationOf(answer, url, options);
  }
}

/** Where an answer points to, relative to where it came from. @throws OciError `Refused` when that may not be used. */
export function locationOf(answer: Exchange, from: URL, options: EndpointOptions): URL {
  const location = answer.headers.location;
  const url = location === undefined ? null : URL.parse(location, from.href);
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    throw new OciError("Refused", `${from.href}: the answer's Location, ${JSON.stringify(location)}, is no http URL`);
  }
  if (url.protocol === "http:" && url.origin !== from.origin && !mayBePlain(url, options)) {
    throw new OciError("Refused", `${from.href} leads to ${url.origin} without TLS, which is not followed`);
  }
  url.username = "";
  url.password = "";
  return url;
}

async function explain(answer: Exchange, call: RegistryCall, options: SessionOptions): Promise<OciError> {
  const said = await readErrors(answer);
  const what = `${call.method} ${call.url.origin}${call.url.pathname}`;
  const message = `${what}: ${answer.status}${said === "" ? "" : ` ${said}`}`;
  if (answer.status === 401) {
    const hint =
      options.credential === undefined
        ? "there are no credentials for it"
        : "the registry does not take our credentials";
    return new OciError("Unauthorized", `${message}; ${hint}`);
  }
  const retryAfterSeconds = Number(answer.headers["retry-after"]);
  if (transient.has(answer.status)) {
    return retryAfterSeconds > 0
      ? new RetryAfterError(message, retryAfterSeconds * 1000)
      : new OciError("Unavailable", message);
  }
  const codes: Readonly<Record<number, OciErrorCode>> = { 403: "Denied", 404: "NotFound" };
  return new OciError(codes[answer.status] ?? "Refused", message);
}

/** What the registry says of its refusal, such as `MANIFEST_UNKNOWN: manifest unknown`. */
async function readErrors(answer: Exchange): Promise<string> {
  try {
    const text = (await answer.read(errorBytesMax)).toString();
    const { errors } = JSON.parse(text) as { errors?: { code?: unknown; message?: unknown }[] };
    return (errors ?? [])
      .map(({ code, message }) => `${String(code)}: ${String(message)}`)
      .join("; ")
      .slice(0, 500);
  } catch {
    // Not every registry or proxy in front explains itself in JSON; the status has to do.
    answer.discard();
    return "";
  }
}
