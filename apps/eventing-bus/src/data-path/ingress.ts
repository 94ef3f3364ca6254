import {
  openProxyServer,
  type Exchange,
  type ProxyListener,
  type ProxyLog,
  type ProxyServer,
} from "@kelvin/http-proxy";
import { accept, type Answer, type Entrance } from "./accept.ts";

/** A stream that is there and takes nothing for now. */
export interface Refusal {
  readonly kind: Entrance["kind"];
  readonly refusal: Answer;
}

/** Finds the entrance that a request means, by host and path. Undefined: there is none. */
export type FindEntrance = (request: {
  readonly host: string;
  readonly path: string;
}) => Entrance | Refusal | undefined;

/** @see openIngress */
export interface IngressOptions {
  readonly listeners: readonly ProxyListener[];
  readonly find: FindEntrance;
  /** The greatest body: the bus's greatest record, less what parking adds. Asked for each request: a bus may come later. */
  readonly bodyBytesMax: () => number;
  readonly log: ProxyLog;
  /** Told of each request's end: the status that was sent, or 0. */
  readonly onAnswered?: (status: number) => void;
}

/** From the head of a request to the end of its body. */
const BODY_MS_MAX = 30_000;

/** What a webhook's handshake is answered (CloudEvents webhook 1.0): anybody may send, as often as they like. */
const HANDSHAKE = { Allow: "POST, OPTIONS", "WebHook-Allowed-Origin": "*", "WebHook-Allowed-Rate": "*" };

/**
 * Listens for events. The answer comes when the event is as safe as the bus can make it; a sender that hangs up after its
 * request was read changes nothing about it.
 */
export function openIngress(options: IngressOptions): Promise<ProxyServer> {
  const { listeners, find, bodyBytesMax, log, onAnswered } = options;
  const onEnd = onAnswered === undefined ? undefined : ({ status }: Exchange): void => onAnswered(status);
  const onBody = (exchange: Exchange, body: Buffer): void => {
    // Asked again: the stream may have gone while the body came.
    const entrance = find(exchange);
    if (entrance === undefined) return notFound(exchange);
    if ("refusal" in entrance) return respond(exchange, entrance.refusal);
    accept(exchange.rawHeaders(), body, entrance).then(
      (answer) => {
        respond(exchange, answer);
      },
      (err: unknown) => {
        log.warn({ err }, "Failed to accept an event");
        exchange.respond(500, "internal error\n");
      },
    );
  };
  return openProxyServer({
    listeners,
    log,
    onRequest(exchange) {
      exchange.onEnd = onEnd;
      const entrance = find(exchange);
      if (entrance === undefined) return notFound(exchange);
      if (exchange.method !== "POST") return notPosted(exchange, entrance.kind);
      if ("refusal" in entrance) return respond(exchange, entrance.refusal);
      exchange.collect({ bytesMax: bodyBytesMax(), msMax: BODY_MS_MAX, onBody });
    },
  });
}

/** Channels of 2018 are posted to and nothing else; it was before webhooks shook hands. */
function notPosted(exchange: Exchange, kind: Entrance["kind"]): void {
  const isFounding = kind === "busChannel";
  if (exchange.method === "OPTIONS" && !isFounding) return exchange.respond(200, "", HANDSHAKE);
  exchange.respond(405, "events are posted\n", { Allow: isFounding ? "POST" : "POST, OPTIONS" });
}

function notFound(exchange: Exchange): void {
  exchange.respond(404, `no broker or channel at ${exchange.host}${exchange.path}\n`);
}

function respond(exchange: Exchange, { status, text, retryAfterSeconds }: Answer): void {
  const headers = retryAfterSeconds === undefined ? undefined : { "Retry-After": String(retryAfterSeconds) };
  exchange.respond(status, text === "" ? "" : `${text}\n`, headers);
}
