import type { IncomingMessage } from "node:http";
import { makeCallPlaces } from "./call-places.ts";
import { errorFromStatus, toError, UnavailableError } from "./errors.ts";
import type { KubeError, Status } from "./errors.ts";
import type { Clock } from "./clock.ts";
import type { KubeConfig } from "./kube-config.ts";
import { openHttpPool } from "./http-pool.ts";
import type { TlsOptions } from "./http-pool.ts";

/** One HTTP request to the API server, relative to its URL. */
export interface TransportRequest {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  path: string;
  body?: unknown;
  contentType?: string;
  /** Default `application/json`. */
  accept?: string;
  signal?: AbortSignal | undefined;
}

/** HTTP with credentials, retries of what is safe to retry, and errors of errors.ts. */
export interface Transport {
  /** The parsed JSON answer of a successful call. */
  call(request: TransportRequest): Promise<unknown>;
  /** The open body of a successful streaming GET, on a connection of its own. The caller destroys it. */
  stream(path: string, signal: AbortSignal, accept?: string): Promise<AsyncIterable<Buffer> & { destroy(): unknown }>;
  /** Ends all connections at once; open streams fail. */
  close(): Promise<void>;
}

/** What a transport needs beside the configuration. */
export interface TransportOptions {
  clock: Clock;
  userAgent: string;
  /** How long a call may take to begin to answer, and how long it may pause within the answer. */
  answerMsMax: number;
}

/** Calls at once; watches, which last, do not count. */
const CALLS_MAX = 16;
const ANSWER_BYTES_MAX = 512 * 1024 * 1024;
const ATTEMPTS_MAX = 4;
const RETRY_AFTER_SECONDS_MAX = 10;

/** Opens the connection pools; nothing is sent before the first call. */
export function openTransport(config: KubeConfig, options: TransportOptions): Transport {
  const server = new URL(config.server);
  const basePath = server.pathname.replace(/\/$/, "");
  // One pool for all: what the list before a watch has opened, the watch goes on with.
  const pool = openHttpPool(server, { tls: tlsOptions(config), silenceMsMax: options.answerMsMax });
  const places = makeCallPlaces(CALLS_MAX);

  const send = async (request: TransportRequest, refresh: boolean): Promise<IncomingMessage> => {
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const headers = await makeHeaders(config, request, refresh);
    return pool.request({
      method: request.method,
      path: basePath + request.path,
      headers: {
        ...headers,
        "user-agent": options.userAgent,
        // Without it, node would send a DELETE's body with nothing that tells its length.
        ...(body !== undefined && { "content-length": String(Buffer.byteLength(body)) }),
      },
      body,
      signal: request.signal,
    });
  };

  const attempt = async (request: TransportRequest, how: How): Promise<Answer> => {
    const giveBack = how.isStream ? undefined : await places.take(request.signal);
    try {
      const response = await send(request, how.refresh);
      const { statusCode: code = 0, headers } = response;
      if (how.isStream && code === 200) {
        response.socket.setTimeout(0);
        return { code, body: response };
      }
      return { code, text: await readText(response), retryAfter: headers["retry-after"] };
    } catch (error) {
      throw connectionError(error, request);
    } finally {
      giveBack?.();
    }
  };

  const answer = async (request: TransportRequest, isStream: boolean): Promise<Answer> => {
    let refresh = false;
    for (let attempts = 1; ; attempts += 1) {
      const result: Answer | Error = await attempt(request, { isStream, refresh }).catch(toError);
      const plan: RetryPlan | undefined = attempts < ATTEMPTS_MAX ? planRetry(request, result, refresh) : undefined;
      if (plan !== undefined) {
        refresh ||= plan.refresh;
        await options.clock.sleep(plan.afterMs, request.signal);
        request.signal?.throwIfAborted();
      } else if (result instanceof Error) throw result;
      else if (result.code < 200 || result.code > 299) throw answerError(result);
      else return result;
    }
  };

  return {
    async call(request) {
      const { text = "" } = await answer(request, false);
      return parseJson(text);
    },
    async stream(path, signal, accept) {
      const { body } = await answer({ method: "GET", path, signal, ...(accept !== undefined && { accept }) }, true);
      if (body === undefined) throw new UnavailableError(`the server answered a watch of ${path} without a stream`);
      return body;
    },
    close() {
      pool.destroy();
      return Promise.resolve();
    },
  };
}

interface How {
  isStream: boolean;
  refresh: boolean;
}

interface Answer {
  code: number;
  text?: string;
  body?: IncomingMessage;
  retryAfter?: string | undefined;
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) throw new Error(`the answer is longer than ${ANSWER_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function tlsOptions(config: KubeConfig): TlsOptions {
  return {
    ...(config.caPem !== undefined && { ca: config.caPem }),
    ...(config.certPem !== undefined && { cert: config.certPem }),
    ...(config.keyPem !== undefined && { key: config.keyPem }),
    ...(config.tlsServerName !== undefined && { servername: config.tlsServerName }),
    ...(config.skipTlsVerify === true && { rejectUnauthorized: false }),
  };
}

async function makeHeaders(
  config: KubeConfig,
  request: TransportRequest,
  refresh: boolean,
): Promise<Record<string, string>> {
  const authorization = await config.authorization?.(refresh);
  return {
    accept: request.accept ?? "application/json",
    ...(request.body !== undefined && { "content-type": request.contentType ?? "application/json" }),
    ...(authorization !== undefined && { authorization }),
  };
}

interface RetryPlan {
  afterMs: number;
  refresh: boolean;
}

/** Whether, how soon and how to try again. Writes are repeated only where the server said it did not carry them out. */
function planRetry(request: TransportRequest, result: Answer | Error, refreshed: boolean): RetryPlan | undefined {
  if (result instanceof Error) {
    // A kept-alive connection may be closed by the server just as we use it.
    const wasStale = isHangUp(result.cause);
    return request.method === "GET" && wasStale ? { afterMs: 0, refresh: false } : undefined;
  }
  if (result.code === 401 && !refreshed) return { afterMs: 0, refresh: true };
  const retryAfterSeconds = Number(result.retryAfter);
  if (result.code === 429 && retryAfterSeconds >= 0 && retryAfterSeconds <= RETRY_AFTER_SECONDS_MAX) {
    return { afterMs: retryAfterSeconds * 1000, refresh: false };
  }
  return undefined;
}

function isHangUp(cause: unknown): boolean {
  const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined;
  return code === "ECONNRESET" || code === "EPIPE";
}

function connectionError(error: unknown, request: TransportRequest): Error {
  if (request.signal?.aborted === true) return toError(request.signal.reason);
  const { message } = toError(error);
  return new UnavailableError(`${request.method} ${request.path} failed: ${message}`, { cause: error });
}

function answerError({ code, text = "" }: Answer): KubeError {
  try {
    const parsed = JSON.parse(text) as Status | null;
    if (parsed !== null && typeof parsed === "object" && parsed.kind === "Status") return errorFromStatus(parsed, code);
  } catch {
    // Proxies and load balancers answer in HTML or plain text; that text is the best message there is.
  }
  return errorFromStatus({ message: `the server answered ${code}: ${text.slice(0, 300)}` }, code);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UnavailableError("the server's answer is not JSON", { cause: error });
  }
}
