import { isIP } from "node:net";
import { makeTimeouts, type Clock, type Sender, type SendOutcome, type SendRequest } from "@kelvin/bus";
import { openPostClient, type PostAnswer, type PostClient } from "@kelvin/http-proxy";
import { isForbiddenAddress, lookupAllowed } from "./forbidden-address.ts";
import { forwardableHeaders, retryAfterOf } from "./forwardable-headers.ts";
import { passedHeaders } from "./passed-headers.ts";
import { openTlsPosts, type TlsPosts } from "./tls-posts.ts";

/** What a sender is bounded by. */
export interface HttpSenderOptions {
  /** Connections to one subscriber over TLS; without TLS a subscriber has as many as attempts at it are under way. */
  readonly connectionsMax: number;
  /** Subscribers with open connections; the one that was idle for longest makes room. */
  readonly originsMax: number;
  /** Bytes of an answer that are read: a reply that is larger counts as none that can be read. */
  readonly answerBytesMax: number;
  /** From the first try to an open connection. */
  readonly connectMsMax: number;
  readonly clock: Clock;
}

/** A sender that can be closed. */
export interface HttpSender extends Sender {
  /** The same sender, for the consumers of one namespace: they are told which it is (`Kn-Namespace`). */
  forNamespace(namespace: string): Sender;
  /** The same sender, which adds nothing to what it sends, as v0.1's; of answers it keeps what v0.1 sends on, and no more. */
  readonly plain: Sender;
  close(): Promise<void>;
}

/** How long a connection may be idle and used again. */
const IDLE_MS_MAX = 4_000;
/** Without TLS, to all subscribers. */
const PLAIN_CONNECTIONS_MAX = 20_000;
/** Addresses that are kept as they were read. */
const TARGETS_MAX = 2_000;

/**
 * Posts events over kept connections. Redirects are answers like any other, nothing is repeated here, and every answer is
 * read to its end or its connection given up.
 */
export function openHttpSender(options: HttpSenderOptions): HttpSender {
  const tls = openTlsPosts({ ...options, idleMsMax: IDLE_MS_MAX });
  const timeouts = makeTimeouts(options.clock);
  const { answerBytesMax } = options;
  const plain = openPostClient({
    connectionsMax: PLAIN_CONNECTIONS_MAX,
    answerBytesMax,
    idleMsMax: IDLE_MS_MAX,
    lookup: lookupAllowed,
  });
  const targets = new Map<string, Target | string>();
  const targetOf = (url: string): Target | string => {
    const known = targets.get(url);
    if (known !== undefined) return known;
    if (targets.size >= TARGETS_MAX) targets.clear();
    const target = readTarget(url);
    targets.set(url, target);
    return target;
  };
  const send = (request: SendRequest, manners: Manners): Promise<SendOutcome> => {
    const target = targetOf(request.destination.url);
    if (typeof target === "string") return Promise.resolve(unanswered(target));
    const toPost: ToPost = { request, target, manners, headers: manners.headersOf(request) };
    if (!target.isTls) return postPlain(toPost, { plain, timeouts, connectMsMax: options.connectMsMax });
    return postTls(toPost, tls);
  };
  return {
    send: (request) => send(request, modern),
    forNamespace(namespace) {
      const manners = mannersIn(namespace);
      return { send: (request) => send(request, manners) };
    },
    plain: { send: (request) => send(request, founding) },
    async close() {
      timeouts.close();
      plain.close();
      await tls.close();
    },
  };
}

/** What goes with a message besides its own headers, and what is kept of an answer's. */
interface Manners {
  readonly headersOf: (request: SendRequest) => string[];
  readonly keptOf: (headers: readonly string[]) => string[];
}

const modern: Manners = {
  headersOf: ({ purpose, message }) =>
    purpose === "deliver" ? [...message.headers, "prefer", "reply"] : message.headers,
  // An answer may be sent on as an event, so of its headers those are kept that go on; the others are matters of one hop.
  keptOf: passedHeaders,
};

function mannersIn(namespace: string): Manners {
  return {
    ...modern,
    headersOf: ({ purpose, message }) => {
      const headers = [...message.headers, "kn-namespace", namespace];
      return purpose === "deliver" ? [...headers, "prefer", "reply"] : headers;
    },
  };
}

const founding: Manners = {
  headersOf: ({ message }) => message.headers,
  keptOf: (headers) => [...forwardableHeaders(headers), ...retryAfterOf(headers)],
};

/** An address as it was read, once. */
interface Target {
  readonly isTls: boolean;
  readonly origin: string;
  readonly host: string;
  readonly port: number;
  readonly authority: string;
  readonly path: string;
}

/** A text says why nothing may be posted there. */
function readTarget(url: string): Target | string {
  if (!URL.canParse(url)) return `"${url}" is not a URL`;
  const { origin, protocol, hostname, host, port, pathname, search } = new URL(url);
  if (protocol !== "http:" && protocol !== "https:") return `"${protocol}" is not http or https`;
  const address = hostname.replace(/^\[|\]$/g, "");
  if (isIP(address) !== 0 && isForbiddenAddress(address)) return `${address} is not allowed`;
  const isTls = protocol === "https:";
  const path = pathname + search;
  return { isTls, origin, host: address, port: Number(port || (isTls ? 443 : 80)), authority: host, path };
}

interface ToPost {
  readonly request: SendRequest;
  readonly target: Target;
  readonly headers: string[];
  readonly manners: Manners;
}

interface PlainTools {
  readonly plain: PostClient;
  readonly timeouts: ReturnType<typeof makeTimeouts>;
  readonly connectMsMax: number;
}

async function postPlain(
  { request, target, headers, manners }: ToPost,
  { plain, timeouts, connectMsMax }: PlainTools,
): Promise<SendOutcome> {
  const { host, port, authority, path } = target;
  const posting = plain.post({ host, port, authority, path, headers, body: request.message.body });
  const deadline = timeouts.start(request.timeoutMs, () => posting.abort(`no answer within ${request.timeoutMs} ms`));
  const connecting = posting.isConnected
    ? undefined
    : timeouts.start(connectMsMax, () => {
        if (!posting.isConnected) posting.abort(`no connection within ${connectMsMax} ms`);
      });
  try {
    return answered(await posting.answer, manners);
  } catch (error) {
    return unanswered(reasonOf(error));
  } finally {
    timeouts.cancel(deadline);
    if (connecting !== undefined) timeouts.cancel(connecting);
  }
}

async function postTls({ request, target, headers, manners }: ToPost, tls: TlsPosts): Promise<SendOutcome> {
  const { destination, message, timeoutMs } = request;
  const { origin, path } = target;
  const { caCertificates } = destination;
  try {
    const answer = await tls.post({
      origin,
      path,
      ...(caCertificates === undefined ? {} : { caCertificates }),
      headers,
      body: message.body,
      timeoutMs,
    });
    return answered(answer, manners);
  } catch (error) {
    return unanswered(reasonOf(error));
  }
}

function answered({ status, headers, body }: PostAnswer, { keptOf }: Manners): SendOutcome {
  return { kind: "answered", status, headers: keptOf(headers), body };
}

function unanswered(reason: string): SendOutcome {
  return { kind: "unanswered", reason };
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return error.message === "" ? (code ?? error.name) : error.message;
}
