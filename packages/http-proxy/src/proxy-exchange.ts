import { chunkHead, finalChunk, type BodyFraming } from "./body-framing.ts";
import type { ClientConnection } from "./client-connection.ts";
import type { Engine } from "./engine.ts";
import type { CollectOptions, Exchange, ExchangeOutcome, ForwardOptions, UpstreamEndReason } from "./exchange.ts";
import { faulty, incomplete, type Fault } from "./fault.ts";
import { encodeRequestHead } from "./request-encoder.ts";
import { copyBody, encodeResponse, type ResponseForm } from "./response-encoder.ts";
import type { UpstreamConnection, UpstreamUser } from "./upstream-connection.ts";

/** Nobody has said yet where the request goes. */
const HELD = 0;
const CONNECTING = 1;
/** The request is with the container. */
const FORWARDED = 2;
/** The container has switched protocols. */
const TUNNEL = 3;
/** The client is gone; what the container still says is dropped until it has ended the exchange. */
const DISCARDING = 4;
/** The container's side is over. */
const OVER = 5;
/** The body is taken in here; there is no container. */
const COLLECTING = 6;
/** The body was taken in, and waits for an answer. */
const COLLECTED = 7;

const discardMsDefault = 300_000;
/** A request's head and the beginning of its body go out in one write when they are no larger. */
const joinedBytesMax = 16 * 1024;
/** Interim responses to one request; a container that sends more has lost its way. */
const interimMax = 16;
const crlf = Buffer.from("\r\n");

/**
 * One request on its way. Two sides end on their own: the client's, when the response is written or the client gone
 * (`outcome` is set), and the container's, when it has ended its exchange (`onUpstreamEnd`). `onEnd` follows the later.
 */
export class ProxyExchange implements Exchange, UpstreamUser {
  onClientGone: ((exchange: Exchange) => void) | undefined;
  onEnd: ((exchange: Exchange) => void) | undefined;
  readonly receivedAtMs: number;
  respondedAtMs = 0;
  status = 0;
  requestBodyBytes = 0;
  responseBodyBytes = 0;
  outcome: ExchangeOutcome | undefined;
  readonly #engine: Engine;
  readonly #client: ClientConnection;
  #phase = HELD;
  #options: ForwardOptions | undefined;
  #upstream: UpstreamConnection | undefined;
  /** Waits for the beginning of the body, if that is there already. */
  #unsentHead: Buffer | undefined;
  #forwardedAtMs = 0;
  #connectingSinceMs = 0;
  /** When bytes last came from the container, or in a tunnel from anywhere. */
  #activeAtMs = 0;
  #discardingSinceMs = 0;
  #interimCount = 0;
  #isRetried = false;
  #addsChunks = false;
  #closesClient = false;
  #hasTunnelEnded = false;
  #collect: CollectOptions | undefined;
  #collected: Buffer[] = [];

  constructor(engine: Engine, client: ClientConnection) {
    this.#engine = engine;
    this.#client = client;
    this.receivedAtMs = performance.now();
  }

  get listener(): string {
    return this.#client.listener;
  }

  get method(): string {
    return this.#client.head.method;
  }

  get host(): string {
    return this.#client.identity.host(this.#client.head);
  }

  get authority(): string {
    return this.#client.identity.authority(this.#client.head);
  }

  get path(): string {
    const { target } = this;
    const queryAt = target.indexOf("?");
    return queryAt < 0 ? target : target.slice(0, queryAt);
  }

  get target(): string {
    return this.#client.head.target;
  }

  get remoteAddress(): string {
    return this.#client.identity.remoteAddress;
  }

  get isUpgrade(): boolean {
    return this.#client.head.isUpgrade;
  }

  get heldBytes(): number {
    return this.#client.heldBytes;
  }

  header(name: string): string | undefined {
    return this.#client.head.fields.valueOf(name);
  }

  rawHeaders(): string[] {
    return this.#client.head.fields.all();
  }

  respond(status: number, body?: string | Uint8Array, headers?: Readonly<Record<string, string>>): void {
    if (this.outcome !== undefined) return;
    if (this.#phase !== HELD && this.#phase !== COLLECTED && this.#phase !== COLLECTING) return;
    this.#client.answer(status, body, headers);
    this.#phase = OVER;
    this.#answered(status, "responded");
  }

  forward(options: ForwardOptions): void {
    if (this.#phase !== HELD || this.outcome !== undefined) return;
    const nowMs = performance.now();
    const { upstreamIdleMsMax, upstreamIdleUnsafeMsMax } = this.#engine.limits;
    const idleMsMax = this.#isRepeatable ? upstreamIdleMsMax : upstreamIdleUnsafeMsMax;
    this.#options = options;
    this.#forwardedAtMs = nowMs;
    this.#activeAtMs = nowMs;
    const idle = this.#engine.upstreams.takeIdle(options.address, nowMs, idleMsMax);
    if (idle === undefined) {
      this.#connect(nowMs);
    } else {
      this.#upstream = idle;
      this.#send(idle);
    }
  }

  collect(options: CollectOptions): void {
    if (this.#phase !== HELD || this.outcome !== undefined) return;
    if (this.#client.head.fields.contentLength > options.bytesMax) {
      this.#tooLarge(options.bytesMax);
      return;
    }
    this.#collect = options;
    this.#phase = COLLECTING;
    this.#activeAtMs = performance.now();
    if (this.#client.isBodyDone) this.#finishCollecting(options);
    else this.#client.startCollecting();
  }

  // The client's side.

  /** Passes on what `framing` found in bytes of the request's body. */
  sendBody(bytes: Buffer, framing: BodyFraming): void {
    this.requestBodyBytes += framing.contentBytes;
    if (this.#phase === COLLECTING) {
      this.#collectBody(bytes, framing);
      return;
    }
    const upstream = this.#upstream;
    if (upstream === undefined || this.#phase !== FORWARDED) return;
    if (this.#unsentHead !== undefined && framing.spanCount === 1 && framing.tail === undefined) {
      const [start = 0, end = 0] = framing.spans;
      if (end - start <= joinedBytesMax) {
        const joined = Buffer.concat([this.#unsentHead, bytes.subarray(start, end)]);
        this.#unsentHead = undefined;
        upstream.write(joined);
        return;
      }
    }
    this.#sendHead();
    let isOpen = true;
    for (let k = 0; k < framing.spanCount; k++) {
      isOpen = upstream.write(bytes.subarray(framing.spans[k * 2], framing.spans[k * 2 + 1]));
    }
    if (framing.tail !== undefined) isOpen = upstream.write(framing.tail);
    if (!isOpen) this.#client.pause();
  }

  bodyFaulty({ status, reason }: Fault): void {
    this.#failClient(status, `Refused: ${reason}.\n`, "client-gone");
    this.#abandon("client-gone");
  }

  clientDrained(): void {
    if (this.#upstream?.isPaused !== true) return;
    this.#activeAtMs = performance.now();
    this.#upstream.resume();
  }

  clientGone(): void {
    if (this.outcome !== undefined) return;
    this.outcome = "client-gone";
    this.#call("onClientGone", () => this.onClientGone?.(this));
    if (this.#phase === HELD || this.#phase === COLLECTING || this.#phase === COLLECTED) {
      this.#phase = OVER;
      this.#collected = [];
      this.#end();
    } else {
      this.#abandon("client-gone");
    }
  }

  tunnelRead(bytes: Buffer): void {
    this.#activeAtMs = performance.now();
    this.requestBodyBytes += bytes.length;
    if (this.#upstream?.write(bytes) === false) this.#client.pause();
  }

  tunnelEnded(): void {
    this.#hasTunnelEnded = true;
    this.#upstream?.halfClose();
  }

  // The container's side.

  upstreamConnected(): void {
    if (this.#upstream !== undefined) this.#send(this.#upstream);
  }

  upstreamConnectFailed(code: string): void {
    const options = this.#options;
    if (options === undefined) return;
    this.#engine.counters.connectFailures++;
    this.#upstream = undefined;
    this.#phase = HELD;
    if (options.onConnectFailed === undefined) {
      this.#upstreamFailed("closed");
    } else {
      this.#call("onConnectFailed", () => options.onConnectFailed?.(this, { address: options.address, code }));
    }
  }

  upstreamDrained(): void {
    if (this.#phase === FORWARDED || this.#phase === TUNNEL) this.#client.resume();
  }

  upstreamRead(bytes: Buffer): void {
    const upstream = this.#upstream;
    if (upstream === undefined) return;
    if (this.#options?.idleMsMax !== undefined) this.#activeAtMs = performance.now();
    if (this.#phase === TUNNEL) this.#tunnelWrite(Buffer.from(bytes));
    else if (upstream.isHeadDone) this.#readBody(upstream, bytes);
    else this.#readHead(upstream, bytes);
  }

  upstreamEnded(): void {
    const upstream = this.#upstream;
    if (upstream === undefined) return;
    if (this.#phase === TUNNEL) this.#tunnelDone(upstream, "complete");
    else if (upstream.isHeadDone && upstream.body.endOfConnection()) this.#responseDone(upstream, false);
    else this.#lost(upstream);
  }

  upstreamClosed(): void {
    const upstream = this.#upstream;
    if (upstream === undefined) return;
    if (this.#phase === TUNNEL) this.#tunnelDone(upstream, "closed");
    else this.#lost(upstream);
  }

  /** `closeUpstream`: the container is known to be gone. */
  upstreamReset(): void {
    const upstream = this.#upstream;
    if (upstream === undefined) return;
    upstream.reset();
    if (this.#phase === CONNECTING) this.upstreamConnectFailed("closed");
    else this.#upstreamFailed("reset");
  }

  /** Enforces the time limits. */
  sweep(nowMs: number): void {
    if (this.#phase === COLLECTING && nowMs - this.#activeAtMs >= (this.#collect?.msMax ?? Infinity)) {
      this.#failClient(408, "the body took too long\n", "timeout");
      this.#collectingOver();
      return;
    }
    const options = this.#options;
    const upstream = this.#upstream;
    if (options === undefined || upstream === undefined) return;
    if (this.#phase === DISCARDING) {
      if (nowMs - this.#discardingSinceMs >= (options.discardMsMax ?? discardMsDefault)) this.#discardExpired(upstream);
    } else if (this.#isLate(options, nowMs)) {
      this.#timeOut();
    } else if (this.#phase === CONNECTING && nowMs - this.#connectingSinceMs >= this.#engine.limits.connectMsMax) {
      upstream.reset();
      this.upstreamConnectFailed("timeout");
    }
  }

  #collectBody(bytes: Buffer, framing: BodyFraming): void {
    const options = this.#collect;
    if (options === undefined) return;
    if (this.requestBodyBytes > options.bytesMax) {
      this.#collected = [];
      this.#tooLarge(options.bytesMax);
      return;
    }
    for (let k = 0; k < framing.spanCount; k++) {
      this.#collected.push(bytes.subarray(framing.spans[k * 2], framing.spans[k * 2 + 1]));
    }
    if (framing.isDone) this.#finishCollecting(options);
  }

  #finishCollecting(options: CollectOptions): void {
    // Copied: a small body would otherwise keep the whole buffer it came in.
    const body = Buffer.concat(this.#collected);
    this.#collected = [];
    this.#phase = COLLECTED;
    this.#call("onBody", () => options.onBody(this, body));
  }

  #tooLarge(bytesMax: number): void {
    this.respond(413, `the body is larger than ${bytesMax} bytes\n`);
  }

  #collectingOver(): void {
    this.#phase = OVER;
    this.#collected = [];
    this.#end();
  }

  get #isRepeatable(): boolean {
    const { head } = this.#client;
    return head.isIdempotent && !head.hasBody && !head.isUpgrade;
  }

  #isLate({ totalMsMax = 0, responseStartMsMax = 0, idleMsMax = 0 }: ForwardOptions, nowMs: number): boolean {
    if (totalMsMax > 0 && nowMs - this.#forwardedAtMs >= totalMsMax) return true;
    if (responseStartMsMax > 0 && this.status === 0 && nowMs - this.#forwardedAtMs >= responseStartMsMax) return true;
    // A container that we do not read, because its client is slow, is not idle.
    if (idleMsMax > 0 && this.#upstream?.isPaused !== true && nowMs - this.#activeAtMs >= idleMsMax) return true;
    return this.#hasTunnelEnded && nowMs - this.#activeAtMs >= this.#engine.limits.halfOpenMsMax;
  }

  #connect(nowMs: number): void {
    const { address } = this.#options as ForwardOptions;
    this.#upstream = this.#engine.upstreams.open(address, this);
    this.#phase = CONNECTING;
    this.#connectingSinceMs = nowMs;
    this.#engine.counters.upstreamsOpened++;
  }

  #send(upstream: UpstreamConnection): void {
    const client = this.#client;
    this.#phase = FORWARDED;
    upstream.begin(this);
    this.#unsentHead = encodeRequestHead(client.head, client.identity, this.#options?.edits);
    client.startBody();
    this.#sendHead();
  }

  #sendHead(): void {
    if (this.#unsentHead === undefined) return;
    this.#upstream?.write(this.#unsentHead);
    this.#unsentHead = undefined;
  }

  #readHead(upstream: UpstreamConnection, bytes: Buffer): void {
    const { head } = upstream;
    let rest = upstream.partialHead === undefined ? bytes : Buffer.concat([upstream.partialHead, bytes]);
    upstream.partialHead = undefined;
    for (;;) {
      const headEnd = head.scan(rest, this.#engine.limits);
      if (headEnd === incomplete) {
        upstream.partialHead = Buffer.from(rest);
        return;
      }
      if (headEnd === faulty) {
        this.#badResponse(upstream, head.fault.reason);
        return;
      }
      if (!head.isInterim) {
        this.#startResponse(upstream, rest, headEnd);
        return;
      }
      if (head.status === 101) {
        this.#startTunnel(upstream, rest.subarray(headEnd));
        return;
      }
      if (++this.#interimCount > interimMax) {
        this.#badResponse(upstream, "too many interim responses");
        return;
      }
      this.#passInterim(upstream);
      rest = rest.subarray(headEnd);
      head.reset();
    }
  }

  #passInterim({ head }: UpstreamConnection): void {
    const request = this.#client.head;
    if (this.#phase !== FORWARDED || request.versionMinor === 0) return;
    if (head.status === 100 && !request.expectsContinue) return;
    this.#client.write(encodeResponse(head, { connection: "unsaid", dropsChunks: true, addsChunks: false }, undefined));
  }

  #startResponse(upstream: UpstreamConnection, bytes: Buffer, headEnd: number): void {
    const { head, body } = upstream;
    const request = this.#client.head;
    const hasNoBody = request.isHeadMethod || head.status === 204 || head.status === 304;
    const knowsChunks = request.versionMinor === 1;
    const { isChunked, contentLength } = head.fields;
    if (hasNoBody) body.beginNone();
    else if (isChunked) body.beginChunked(!knowsChunks);
    else if (contentLength >= 0) body.beginLength(contentLength);
    else body.beginUntilClose();
    upstream.isHeadDone = true;

    const end = body.advance(bytes, headEnd);
    if (end === faulty) {
      this.#badResponse(upstream, body.fault?.reason ?? "malformed");
      return;
    }
    this.#addsChunks = knowsChunks && body.endsWithConnection;
    const endsWithConnection = !knowsChunks && !hasNoBody && contentLength < 0;
    const status = head.status;
    if (this.#phase === FORWARDED) {
      this.#closesClient = endsWithConnection || this.#client.closesAfterExchange;
      const form: ResponseForm = {
        connection: this.#closesClient ? "close" : knowsChunks ? "unsaid" : "keep-alive",
        dropsChunks: !knowsChunks || status === 204,
        addsChunks: this.#addsChunks,
      };
      this.status = status;
      this.respondedAtMs = performance.now();
      this.responseBodyBytes += body.contentBytes;
      const isOpen = this.#client.write(encodeResponse(head, form, this.#addsChunks ? undefined : body));
      if (this.#addsChunks) this.#writeBody(upstream, bytes);
      else if (!isOpen && !body.isDone) upstream.pause();
    } else if (this.#phase === DISCARDING && !body.isDone) {
      // A stream that nobody reads: tell the container, so that it does not go on for ever.
      upstream.halfClose();
    }
    this.#call("onResponseHead", () => this.#options?.onResponseHead?.(this, status));
    if (body.isDone && this.#upstream === upstream) this.#responseDone(upstream, end === bytes.length);
  }

  #readBody(upstream: UpstreamConnection, bytes: Buffer): void {
    const { body } = upstream;
    const end = body.advance(bytes, 0);
    if (end === faulty) {
      this.#badResponse(upstream, body.fault?.reason ?? "malformed");
      return;
    }
    if (this.#phase === FORWARDED) {
      this.responseBodyBytes += body.contentBytes;
      this.#writeBody(upstream, bytes);
    }
    if (body.isDone) this.#responseDone(upstream, end === bytes.length);
  }

  #writeBody(upstream: UpstreamConnection, bytes: Buffer): void {
    const { body } = upstream;
    if (body.contentBytes === 0 && body.spanCount === 0 && body.tail === undefined) return;
    const content = copyBody(bytes, body);
    const isOpen = this.#client.write(
      this.#addsChunks ? Buffer.concat([Buffer.from(chunkHead(content.length)), content, crlf]) : content,
    );
    if (!isOpen) upstream.pause();
  }

  /** @param isClean whether nothing came behind the response, so that its connection can be trusted with another. */
  #responseDone(upstream: UpstreamConnection, isClean: boolean): void {
    const wasForwarded = this.#phase === FORWARDED;
    const { head } = upstream;
    const isReusable =
      isClean &&
      wasForwarded &&
      head.keepsAlive &&
      !upstream.hasEnded &&
      this.#client.isBodyDone &&
      !this.#engine.isDraining;
    this.#upstream = undefined;
    upstream.resume();
    if (isReusable) this.#engine.upstreams.giveBack(upstream, performance.now(), head.keepAliveMs);
    else upstream.close();
    if (wasForwarded && this.#addsChunks) this.#client.write(finalChunk);
    this.#upstreamOver("complete");
    if (wasForwarded) this.#answered(this.status, "forwarded");
    else this.#end();
  }

  #startTunnel(upstream: UpstreamConnection, rest: Buffer): void {
    if (!this.#client.head.isUpgrade || this.#phase !== FORWARDED) {
      this.#badResponse(upstream, "a switch of protocols that was not asked for");
      return;
    }
    this.#phase = TUNNEL;
    this.status = 101;
    this.respondedAtMs = performance.now();
    this.#activeAtMs = this.respondedAtMs;
    // Should the client go away, what the container still says is dropped until it closes.
    upstream.isHeadDone = true;
    upstream.body.beginUntilClose();
    this.#client.write(
      encodeResponse(upstream.head, { connection: "upgrade", dropsChunks: true, addsChunks: false }, undefined),
    );
    this.#call("onResponseHead", () => this.#options?.onResponseHead?.(this, 101));
    if (this.#upstream !== upstream) return;
    if (rest.length > 0) this.#tunnelWrite(Buffer.from(rest));
    const held = this.#client.startTunnel();
    if (held !== undefined) this.tunnelRead(held);
  }

  #tunnelWrite(bytes: Buffer): void {
    this.#activeAtMs = performance.now();
    this.responseBodyBytes += bytes.length;
    if (!this.#client.write(bytes)) this.#upstream?.pause();
  }

  #tunnelDone(upstream: UpstreamConnection, reason: "complete" | "closed"): void {
    this.#upstream = undefined;
    upstream.close();
    this.outcome = "forwarded";
    this.#upstreamOver(reason);
    this.#client.close();
    this.#end();
  }

  /** The connection ended before the response did. */
  #lost(upstream: UpstreamConnection): void {
    const nothingSeen = upstream.isReused && !upstream.hasAnswered;
    upstream.close();
    if (this.#phase === DISCARDING) {
      this.#upstream = undefined;
      this.#upstreamOver("closed");
      this.#end();
    } else if (nothingSeen && this.#isRepeatable && !this.#isRetried) {
      this.#isRetried = true;
      this.#engine.counters.retries++;
      this.#connect(performance.now());
    } else {
      this.#upstreamFailed("closed");
    }
  }

  #badResponse(upstream: UpstreamConnection, reason: string): void {
    this.#engine.log.warn({ address: this.#options?.address, reason }, "Refused a response");
    upstream.reset();
    this.#upstreamFailed("bad-response");
  }

  /** The container is out of the game; the client, if still there, is told. */
  #upstreamFailed(reason: UpstreamEndReason): void {
    this.#upstream = undefined;
    this.#upstreamOver(reason);
    this.#failClient(502, "bad gateway\n", "upstream-failed");
    this.#end();
  }

  #timeOut(): void {
    this.#failClient(504, "request timeout", "timeout");
    this.#abandon("timeout");
  }

  /** Answers the client, or resets it when its response has begun: it must not take a part for the whole. */
  #failClient(status: number, body: string, outcome: ExchangeOutcome): void {
    if (this.outcome !== undefined) return;
    this.outcome = outcome;
    if (this.status !== 0) {
      this.#client.reset();
      return;
    }
    this.status = status;
    this.respondedAtMs = performance.now();
    this.#client.closeAfterAnswer(status, body);
  }

  /** The client's side is over before the container's. */
  #abandon(reason: UpstreamEndReason): void {
    const upstream = this.#upstream;
    const hasSeenRequest = this.#phase !== CONNECTING && this.#unsentHead === undefined;
    this.#unsentHead = undefined;
    if (upstream === undefined) {
      this.#upstreamOver(reason);
      this.#end();
    } else if (this.#options?.discardOnClientGone === true && hasSeenRequest) {
      // Many servers (Node's, asyncio's) close their end at once on a FIN while the handler works on: a container that has
      // the whole request and has not answered yet must not see one, or its slot would come back too early.
      const isAtWork = this.#phase === FORWARDED && !upstream.isHeadDone && this.#client.isBodyDone;
      this.#phase = DISCARDING;
      this.#discardingSinceMs = performance.now();
      this.#engine.discarding.add(this);
      if (!isAtWork) upstream.halfClose();
      upstream.resume();
    } else {
      this.#upstream = undefined;
      upstream.reset();
      this.#upstreamOver(reason);
      this.#end();
    }
  }

  #discardExpired(upstream: UpstreamConnection): void {
    this.#engine.counters.discardDeadlines++;
    this.#upstream = undefined;
    upstream.reset();
    this.#upstreamOver("discard-deadline");
    this.#end();
  }

  #upstreamOver(reason: UpstreamEndReason): void {
    if (this.#phase === OVER) return;
    if (this.#phase === DISCARDING) this.#engine.discarding.delete(this);
    this.#phase = OVER;
    this.#call("onUpstreamEnd", () => this.#options?.onUpstreamEnd?.(this, reason));
  }

  /** The client has its whole answer. */
  #answered(status: number, outcome: ExchangeOutcome): void {
    if (this.respondedAtMs === 0) this.respondedAtMs = performance.now();
    this.status = status;
    this.outcome = outcome;
    const closes = this.#closesClient || this.#client.closesAfterExchange;
    this.#end();
    this.#client.exchangeDone(closes);
  }

  #end(): void {
    this.#call("onEnd", () => this.onEnd?.(this));
    this.#engine.onSettled();
  }

  /** A caller's hook must not take down the exchanges of others. */
  #call(hook: string, call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#engine.log.warn({ err: error, hook }, "A hook failed");
    }
  }
}
