import type { HeaderEdits } from "./header-edits.ts";

/** Why the container is done with an exchange. Only `discard-deadline` means that it may still be working on it. */
export type UpstreamEndReason =
  /** The response ended as its framing says. */
  | "complete"
  /** The container closed or reset the connection before the response was complete. */
  | "closed"
  /** The container's answer was not HTTP we can pass on; its connection was reset. */
  | "bad-response"
  /** A deadline of `ForwardOptions` passed; the container's connection was reset. */
  | "timeout"
  /** The client went away, or sent a malformed body; the container's connection was reset. */
  | "client-gone"
  /** The client was gone and the container did not end the exchange in `discardMsMax`; its connection was reset. */
  | "discard-deadline"
  /** `closeUpstream` was called for the address. */
  | "reset";

/** How an exchange ended for the client, for logs and metrics. */
export type ExchangeOutcome =
  /** The container's response was passed on whole (or a tunnel ended). */
  | "forwarded"
  /** The caller answered by `respond`. */
  | "responded"
  /** The client went away first. */
  | "client-gone"
  /** A deadline passed: 504, or a reset when the response had begun. */
  | "timeout"
  /** The container failed: 502, or a reset when the response had begun. */
  | "upstream-failed";

/** Why no connection came to be. Nothing was sent to the address, so another one may be tried. */
export interface ConnectFailure {
  readonly address: string;
  /** `timeout`, or the operating system's code, such as `ECONNREFUSED`. */
  readonly code: string;
}

/** Where an exchange goes, and what the caller wants to know about it. May be shared by many exchanges. */
export interface ForwardOptions {
  /** `ip:port`, IPv6 in brackets. Also the key of the connection pool and of `closeUpstream`. */
  readonly address: string;
  readonly edits?: HeaderEdits;
  /**
   * True for containers with a concurrency limit: when the client goes away or a deadline passes, the response is
   * discarded until the container ends it or closes the connection, for at most `discardMsMax`; only then
   * `onUpstreamEnd` is called. The connection is half-closed when the request was cut or the response has begun, not
   * while the container works on it: many servers close at once on a half-close although their handler works on.
   * False: the connection is reset and `onUpstreamEnd` called at once.
   */
  readonly discardOnClientGone?: boolean;
  /** Default 300 000. */
  readonly discardMsMax?: number;
  /** From `forward` to the response's head. 0 or absent: no limit. */
  readonly responseStartMsMax?: number;
  /** Between two arrivals of response bytes (of any bytes in a tunnel). 0 or absent: no limit. */
  readonly idleMsMax?: number;
  /** From `forward` to the response's end. 0 or absent: no limit. */
  readonly totalMsMax?: number;
  /**
   * No connection: nothing was sent, and this forward is over (`onUpstreamEnd` is not called for it). The exchange is
   * as it was before: forward it to another address or respond. When absent, the client gets a 502.
   */
  onConnectFailed?(exchange: Exchange, failure: ConnectFailure): void;
  /** The final response's head was seen (or a 101). Interim 1xx responses are passed on silently. */
  onResponseHead?(exchange: Exchange, status: number): void;
  /** The container has ended the exchange, so its slot is free. Called exactly once unless `onConnectFailed` was. */
  onUpstreamEnd?(exchange: Exchange, reason: UpstreamEndReason): void;
}

/** How much of a body is taken, and who gets it. */
export interface CollectOptions {
  /** Content bytes; more is a 413. */
  readonly bytesMax: number;
  /** From `collect` to the body's end; longer is a 408. */
  readonly msMax: number;
  /** Called once, with bytes that are the caller's to keep. */
  onBody(exchange: Exchange, body: Buffer): void;
}

/**
 * One request and its response. Answer it by `respond` or `forward`, now or later; until then its body stays with the
 * client beyond a small bound. Everything that reads the request's head is valid until `onEnd` has returned.
 */
export interface Exchange {
  /** The name of the listener it came in by. */
  readonly listener: string;
  readonly method: string;
  /** Lower case, without port; from the target when that was in absolute form. */
  readonly host: string;
  /** The host as sent, with its port. */
  readonly authority: string;
  /** The target's path, without the query. */
  readonly path: string;
  /** Path and query, as sent. */
  readonly target: string;
  readonly remoteAddress: string;
  /** The request asks for another protocol (a websocket). */
  readonly isUpgrade: boolean;
  /** `performance.now()` when the head was complete. */
  readonly receivedAtMs: number;
  /** `performance.now()` when the final response's head was sent, or 0. */
  readonly respondedAtMs: number;
  /** The final status sent to the client, or 0. */
  readonly status: number;
  /** Body bytes taken from the client so far. */
  readonly requestBodyBytes: number;
  /** Body bytes passed to the client so far. */
  readonly responseBodyBytes: number;
  /** Body bytes that are held in memory until `forward`. */
  readonly heldBytes: number;
  /** Undefined until the exchange has ended. */
  readonly outcome: ExchangeOutcome | undefined;

  /** A field's value, several joined by ", "; undefined when absent. @param name in lower case. */
  header(name: string): string | undefined;
  /** Answers from here. The body is text unless `headers` say otherwise. Does nothing once the exchange has ended. */
  respond(status: number, body?: string | Uint8Array, headers?: Readonly<Record<string, string>>): void;
  /** All header fields as they came: name, value, name, value; one character a byte, doubles kept. */
  rawHeaders(): string[];
  /**
   * Takes the whole body here, to be answered by `respond` or passed on by other means; afterwards the request cannot be
   * forwarded. A client that waits for it is told to go on. A body that is longer than allowed gets a 413 before it is
   * read, where its length is announced, and one that takes too long a 408; then `onBody` is not called.
   */
  collect(options: CollectOptions): void;
  /** Sends the request to an address and streams both ways. Does nothing once the exchange has ended. */
  forward(options: ForwardOptions): void;

  /** The client hung up before the response was complete. `forward` and `respond` do nothing from here on. */
  onClientGone: ((exchange: Exchange) => void) | undefined;
  /** The last call for each exchange, after both sides have ended: `outcome`, `status`, bytes and times are final. */
  onEnd: ((exchange: Exchange) => void) | undefined;
}
