import type { Socket } from "node:net";
import { BodyFraming } from "./body-framing.ts";
import type { Engine } from "./engine.ts";
import { faulty, incomplete, type Fault } from "./fault.ts";
import { ProxyExchange } from "./proxy-exchange.ts";
import { ForwardedIdentity } from "./request-encoder.ts";
import { RequestHead } from "./request-head.ts";
import { encodeAnswer } from "./response-encoder.ts";

// What the next bytes of a client are.
/** A request's head. */
const HEAD = 0;
/** The body of the exchange that is running. */
const BODY = 1;
/** Nothing of the exchange that is running: pipelined requests, which wait. */
const PIPELINED = 2;
/** The rest of a body that nobody wants. */
const UNWANTED = 3;
const TUNNEL = 4;
/** The connection closes; what still comes is dropped. */
const LINGER = 5;
const CLOSED = 6;

const goOn = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n");

/** One connection of a client: its requests in their order, one exchange at a time. */
export class ClientConnection {
  readonly listener: string;
  readonly identity: ForwardedIdentity;
  readonly head = new RequestHead();
  readonly body = new BodyFraming();
  readonly #engine: Engine;
  readonly #socket: Socket;
  #expects = HEAD;
  #exchange: ProxyExchange | undefined;
  /** Bytes that came before their time: an incomplete head, a body not yet forwarded, pipelined requests. */
  #held: Buffer | undefined;
  #isBodyFlowing = false;
  #isPaused = false;
  #isParsing = false;
  #closesAfterExchange = false;
  #unwantedBytes = 0;
  /** Since when the connection waits for what it `expects`. */
  #sinceMs: number;
  /** Since when the client takes no more bytes, or 0. */
  #blockedSinceMs = 0;
  #unsentBytes = 0;
  #lingersSinceMs = 0;
  /** Whether bytes came since the last sweep. */
  #isStillSending = false;

  constructor(engine: Engine, socket: Socket, listener: string) {
    this.listener = listener;
    this.identity = new ForwardedIdentity(plainAddress(socket.remoteAddress ?? ""));
    this.#engine = engine;
    this.#socket = socket;
    this.#sinceMs = performance.now();
    this.head.reset();
    socket.on("data", (bytes: Buffer) => this.#read(bytes));
    socket.on("drain", () => this.#drained());
    socket.on("end", () => this.#ended());
    // The error itself says nothing that `close` does not: the client is gone.
    socket.on("error", () => this.#closed());
    socket.on("close", () => this.#closed());
  }

  get heldBytes(): number {
    return this.#expects === BODY ? (this.#held?.length ?? 0) : 0;
  }

  get isBodyDone(): boolean {
    return this.body.isDone;
  }

  /** Whether the client will be told that this exchange is the connection's last. */
  get closesAfterExchange(): boolean {
    if (this.#closesAfterExchange || this.#engine.isDraining || !this.head.keepsAlive) return true;
    if (this.body.isDone) return false;
    const { remainingBytes } = this.body;
    const isContinueUnanswered = this.head.expectsContinue && this.#exchange?.requestBodyBytes === 0;
    return (
      isContinueUnanswered || (remainingBytes !== Infinity && remainingBytes > this.#engine.limits.discardBytesMax)
    );
  }

  /** Lets the body's content flow to the exchange, which keeps it. */
  startCollecting(): void {
    const { fields, expectsContinue } = this.head;
    if (fields.isChunked) this.body.beginChunked(true);
    if (expectsContinue && this.heldBytes === 0) this.write(goOn);
    this.startBody();
  }

  /** Lets the body flow to the exchange, which has somewhere to send it. */
  startBody(): void {
    this.#isBodyFlowing = true;
    this.resume();
    if (this.#expects !== BODY || this.#held === undefined) return;
    const held = this.#held;
    this.#held = undefined;
    this.#advanceBody(held);
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  /** False when the caller should wait for the exchange's `clientDrained` before it writes more. */
  write(bytes: Uint8Array): boolean {
    if (this.#expects === CLOSED || this.#socket.write(bytes)) return true;
    if (this.#blockedSinceMs === 0) this.#blockedSinceMs = performance.now();
    return false;
  }

  /** Writes a whole response of our own. */
  answer(status: number, body: string | Uint8Array = "", headers?: Readonly<Record<string, string>>): void {
    const { versionMinor } = this.head;
    const closes = this.closesAfterExchange;
    const connection = closes ? "close" : versionMinor === 0 ? "keep-alive" : "unsaid";
    this.write(encodeAnswer({ status, body, headers, isHead: this.head.isHeadMethod, connection }));
    if (closes) this.#closesAfterExchange = true;
  }

  /** Writes a whole response of our own, and the connection's last. */
  closeAfterAnswer(status: number, body: string): void {
    this.#closesAfterExchange = true;
    this.answer(status, body);
    this.close();
  }

  /** The exchange's response is written. The next request is taken up, or the connection closes. */
  exchangeDone(closes: boolean): void {
    this.#exchange = undefined;
    this.#isBodyFlowing = false;
    if (this.#expects === CLOSED) return;
    if (closes) {
      this.#linger();
    } else if (!this.body.isDone) {
      this.#expects = UNWANTED;
      this.#unwantedBytes = 0;
      const held = this.#held;
      this.#held = undefined;
      if (held !== undefined) this.#dropBody(held);
      this.resume();
    } else {
      this.#next();
    }
  }

  /** The container switched protocols: bytes go through as they are. */
  startTunnel(): Buffer | undefined {
    const held = this.#held;
    this.#expects = TUNNEL;
    this.#held = undefined;
    this.resume();
    return held;
  }

  /** Closes in an orderly way: the client gets what was written, then the end. */
  close(): void {
    this.#exchange = undefined;
    if (this.#expects !== CLOSED) this.#linger();
  }

  /** Resets the connection, so that the client cannot take a cut response for a whole one. */
  reset(): void {
    this.#exchange = undefined;
    if (this.#expects === CLOSED) return;
    this.#forget();
    this.#socket.resetAndDestroy();
  }

  /** Resets the connection and gives up its exchange. */
  abort(): void {
    if (this.#expects !== CLOSED) this.#socket.resetAndDestroy();
    this.#closed();
  }

  /** Ends a connection without an exchange when it has been quiet for `quietMsMin`. */
  closeIfIdle(nowMs: number, quietMsMin: number): void {
    if (this.#expects === HEAD && this.#held === undefined && nowMs - this.#sinceMs >= quietMsMin) this.#linger();
  }

  /** Enforces the time limits. */
  sweep(nowMs: number): void {
    const { headMsMax, clientIdleMsMax } = this.#engine.limits;
    const waitedMs = nowMs - this.#sinceMs;
    if (this.#expects === LINGER) {
      this.#sweepLinger(nowMs);
    } else if (this.#blockedSinceMs > 0) {
      if (nowMs - this.#blockedSinceMs > clientIdleMsMax) this.#closed();
      else this.#exchange?.sweep(nowMs);
    } else if (this.#exchange !== undefined) {
      this.#exchange.sweep(nowMs);
    } else if (this.#expects === UNWANTED) {
      if (waitedMs > headMsMax) this.#linger();
    } else if (this.#held !== undefined) {
      if (waitedMs > headMsMax) this.#refuse({ status: 408, reason: `no whole head within ${headMsMax} ms` });
    } else if (waitedMs > clientIdleMsMax) {
      this.#linger();
    }
  }

  #sweepLinger(nowMs: number): void {
    // A slow reader still takes the response: it may, as long as it goes on.
    const unsent = this.#socket.writableLength;
    if (unsent !== this.#unsentBytes) {
      this.#unsentBytes = unsent;
      this.#sinceMs = nowMs;
    }
    // Closed now, with bytes of the client unread, the connection would be reset, and the answer lost with it.
    if (this.#isStillSending && nowMs - this.#lingersSinceMs < this.#engine.limits.lingerBusyMsMax) {
      this.#isStillSending = false;
      this.#sinceMs = nowMs;
    }
    const waitMsMax = unsent > 0 ? this.#engine.limits.clientIdleMsMax : this.#engine.limits.lingerMsMax;
    if (nowMs - this.#sinceMs > waitMsMax) this.#closed();
  }

  #read(bytes: Buffer): void {
    switch (this.#expects) {
      case HEAD:
        if (this.#blockedSinceMs > 0) this.#hold(bytes);
        else this.#parse(this.#held === undefined ? bytes : Buffer.concat([this.#held, bytes]));
        break;
      case BODY:
        if (this.#isBodyFlowing) this.#advanceBody(bytes);
        else this.#hold(bytes);
        break;
      case PIPELINED:
        this.#hold(bytes);
        break;
      case UNWANTED:
        this.#dropBody(bytes);
        break;
      case TUNNEL:
        this.#exchange?.tunnelRead(bytes);
        break;
      default:
        this.#isStillSending = true;
        break;
    }
  }

  #hold(bytes: Buffer): void {
    this.#held = this.#held === undefined ? bytes : Buffer.concat([this.#held, bytes]);
    if (this.#held.length >= this.#engine.limits.heldBytesMax) this.pause();
  }

  /** Takes up the requests in `bytes`, one after another for as long as each is answered at once. */
  #parse(bytes: Buffer): void {
    this.#isParsing = true;
    let rest: Buffer | undefined = bytes;
    while (rest !== undefined) {
      const headEnd = this.head.scan(rest, this.#engine.limits);
      if (headEnd === incomplete) {
        if (this.#held === undefined) this.#sinceMs = performance.now();
        this.#held = rest;
        break;
      }
      if (headEnd === faulty) {
        this.#refuse(this.head.fault);
        break;
      }
      this.#held = headEnd < rest.length ? rest.subarray(headEnd) : undefined;
      this.#begin();
      // An exchange that is over already has left its successor's bytes in `held`.
      rest = this.#expects === HEAD && this.#blockedSinceMs === 0 ? this.#held : undefined;
      if (rest !== undefined) this.#held = undefined;
    }
    this.#isParsing = false;
  }

  #begin(): void {
    const { fields } = this.head;
    if (fields.isChunked) this.body.beginChunked(false);
    else this.body.beginLength(Math.max(0, fields.contentLength));
    this.#expects = this.body.isDone ? PIPELINED : BODY;
    this.#engine.counters.requests++;
    const exchange = new ProxyExchange(this.#engine, this);
    this.#exchange = exchange;
    try {
      this.#engine.onRequest(exchange);
    } catch (error) {
      this.#engine.log.warn({ err: error }, "Failed to take a request");
      exchange.respond(500, "internal error\n");
    }
  }

  #next(): void {
    this.#expects = HEAD;
    this.#sinceMs = performance.now();
    this.head.reset();
    this.resume();
    this.#parseHeld();
  }

  /** Answers that the client does not take hold up its next requests, or they would pile up. */
  #parseHeld(): void {
    if (this.#isParsing || this.#held === undefined || this.#blockedSinceMs > 0) return;
    const held = this.#held;
    this.#held = undefined;
    this.#parse(held);
  }

  #advanceBody(bytes: Buffer): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    const end = this.body.advance(bytes, 0);
    if (end === faulty) {
      this.#engine.counters.requestsMalformed++;
      this.#closesAfterExchange = true;
      exchange.bodyFaulty(this.body.fault ?? { status: 400, reason: "malformed" });
      return;
    }
    if (this.body.isDone) {
      this.#expects = PIPELINED;
      if (end < bytes.length) this.#hold(bytes.subarray(end));
    }
    exchange.sendBody(bytes, this.body);
  }

  #dropBody(bytes: Buffer): void {
    const end = this.body.advance(bytes, 0);
    this.#unwantedBytes += bytes.length;
    if (end === faulty || this.#unwantedBytes > this.#engine.limits.discardBytesMax) {
      this.#linger();
    } else if (this.body.isDone) {
      if (end < bytes.length) this.#held = bytes.subarray(end);
      this.#next();
    }
  }

  #drained(): void {
    this.#blockedSinceMs = 0;
    if (this.#exchange !== undefined) this.#exchange.clientDrained();
    else if (this.#expects === HEAD) this.#parseHeld();
  }

  /** The client's FIN. While it is owed a response it means, as to most servers, that it has hung up. */
  #ended(): void {
    if (this.#expects === TUNNEL) this.#exchange?.tunnelEnded();
    else if (this.#exchange !== undefined) this.#closed();
    else if (this.#expects !== CLOSED) this.#socket.end();
  }

  /** The connection is of no more use; whatever is still in it is lost. */
  #closed(): void {
    if (this.#expects === CLOSED) return;
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.#forget();
    this.#socket.destroy();
    exchange?.clientGone();
  }

  #refuse({ status, reason }: Fault): void {
    this.#engine.counters.requestsMalformed++;
    this.write(
      encodeAnswer({ status, body: `Refused: ${reason}.\n`, headers: undefined, isHead: false, connection: "close" }),
    );
    this.#linger();
  }

  #linger(): void {
    this.#expects = LINGER;
    this.#held = undefined;
    this.#sinceMs = performance.now();
    this.#lingersSinceMs = this.#sinceMs;
    this.#unsentBytes = this.#socket.writableLength;
    this.#socket.end();
    this.resume();
  }

  #forget(): void {
    this.#expects = CLOSED;
    this.#held = undefined;
    this.#engine.clients.delete(this);
    this.#engine.onSettled();
  }
}

function plainAddress(address: string): string {
  return address.startsWith("::ffff:") ? address.slice("::ffff:".length) : address;
}
