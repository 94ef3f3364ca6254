// A process of its own: events over keep-alive connections, and the subscribers that they end at.
// Spoken to by IPC: EventsLoadRequest → "counting", then EventsLoadResult. Its first message is {ports, silentPort}.
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { quantile } from "./table.ts";

/** One round of load. */
export interface EventsLoadRequest {
  readonly port: number;
  /** How many subscribers get each event. */
  readonly fanOut: number;
  readonly bodyBytes: number;
  /** So many events under way: the next one is sent when one was answered and is with all its subscribers. */
  readonly inFlight: number;
  /** With it, events are sent at this rate, whatever becomes of them. */
  readonly ratePerSecond?: number;
  readonly warmupMs: number;
  readonly durationMs: number;
}

/** What came of it, after the warm-up. */
export interface EventsLoadResult {
  /** Events that were answered 202 and are with all their subscribers. */
  readonly events: number;
  /** Answers that were not 202, and connections that were lost. */
  readonly failures: number;
  readonly elapsedMs: number;
  /** From the first byte sent until the last subscriber has the event whole. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** What the process says first. */
export interface EventsLoadPorts {
  readonly ports: readonly number[];
  readonly silentPort: number;
}

const subscribersMax = 5;
const headEnd = Buffer.from("\r\n\r\n");
const lengthHeader = Buffer.from("content-length: ");
const idHeader = Buffer.from("ce-id: ");
const accepted = Buffer.from("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
/** Digits of an event's id, so that all requests are equally long. */
const idDigits = 12;
const tickMs = 5;

interface UnderWay {
  readonly sender: Sender;
  readonly sentAtMs: number;
  /** Answers and deliveries that are still to come. */
  missing: number;
}

class Round {
  readonly #request: EventsLoadRequest;
  readonly #underWay = new Map<number, UnderWay>();
  readonly #idle: Sender[] = [];
  readonly #senders: Sender[] = [];
  readonly #latenciesMs: number[] = [];
  #isCounting = false;
  #isOver = false;
  #failures = 0;

  constructor(request: EventsLoadRequest) {
    this.#request = request;
    for (let count = 0; count < request.inFlight; count += 1) this.#senders.push(new Sender(request, this));
  }

  async run(): Promise<EventsLoadResult> {
    const { warmupMs, durationMs, ratePerSecond } = this.#request;
    if (ratePerSecond !== undefined) this.#keepRate(ratePerSecond);
    await sleep(warmupMs);
    this.#isCounting = true;
    process.send?.("counting");
    const startedAtMs = performance.now();
    await sleep(durationMs);
    this.#isCounting = false;
    const elapsedMs = performance.now() - startedAtMs;
    this.#isOver = true;
    for (const sender of this.#senders) sender.close();
    const latencies = this.#latenciesMs;
    return {
      events: latencies.length,
      failures: this.#failures,
      elapsedMs,
      p50Ms: latencies.length === 0 ? 0 : quantile(latencies, 0.5),
      p99Ms: latencies.length === 0 ? 0 : quantile(latencies, 0.99),
    };
  }

  /** A connection is there: its first event, unless a rate says when. */
  ready(sender: Sender): void {
    if (this.#request.ratePerSecond !== undefined) this.#idle.push(sender);
    else this.#send(sender);
  }

  answered(sender: Sender, { id, isAccepted }: { readonly id: number; readonly isAccepted: boolean }): void {
    if (!isAccepted) this.fail();
    if (this.#request.ratePerSecond !== undefined) this.#idle.push(sender);
    this.settle(id);
  }

  /** An answer or a delivery came. */
  settle(id: number): void {
    const event = this.#underWay.get(id);
    if (event === undefined) return;
    event.missing -= 1;
    if (event.missing > 0) return;
    this.#underWay.delete(id);
    if (this.#isCounting) this.#latenciesMs.push(performance.now() - event.sentAtMs);
    if (this.#request.ratePerSecond === undefined) this.#send(event.sender);
  }

  fail(): void {
    if (this.#isCounting) this.#failures += 1;
  }

  #send(sender: Sender): void {
    if (this.#isOver) return;
    lastId += 1;
    this.#underWay.set(lastId, { sender, sentAtMs: performance.now(), missing: 1 + this.#request.fanOut });
    sender.send(lastId);
  }

  #keepRate(ratePerSecond: number): void {
    const startedAtMs = performance.now();
    let sent = 0;
    const tick = (): void => {
      if (this.#isOver) return;
      const due = ((performance.now() - startedAtMs) / 1_000) * ratePerSecond;
      while (sent < due) {
        const sender = this.#idle.pop();
        // Without a free connection the offer is late, and its wait is not counted.
        if (sender === undefined) break;
        sent += 1;
        this.#send(sender);
      }
      setTimeout(tick, tickMs);
    };
    tick();
  }
}

class Sender {
  readonly #socket: Socket;
  readonly #head: Buffer;
  readonly #idAt: number;
  readonly #body: Buffer;
  readonly #round: Round;
  #id = 0;

  constructor({ port, bodyBytes }: EventsLoadRequest, round: Round) {
    this.#round = round;
    this.#body = Buffer.alloc(bodyBytes, "x");
    this.#head = Buffer.from(
      `POST /bench/events HTTP/1.1\r\nHost: bench.example\r\nce-id: ${"0".repeat(idDigits)}\r\nce-specversion: 1.0\r\n` +
        "ce-source: /bench\r\nce-type: com.example.bench\r\nce-time: 2026-01-31T12:00:00Z\r\n" +
        `content-type: text/plain\r\nContent-Length: ${bodyBytes}\r\n\r\n`,
    );
    this.#idAt = this.#head.indexOf(idHeader) + idHeader.length;
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.#socket.on("connect", () => round.ready(this));
    this.#socket.on("data", (bytes: Buffer) => this.#answered(bytes));
    this.#socket.on("error", () => round.fail());
  }

  send(id: number): void {
    this.#id = id;
    this.#head.write(String(id).padStart(idDigits, "0"), this.#idAt, "latin1");
    this.#socket.cork();
    // Copied: the next event's id is written into the same bytes.
    this.#socket.write(Buffer.from(this.#head));
    this.#socket.write(this.#body);
    this.#socket.uncork();
  }

  close(): void {
    this.#socket.destroy();
  }

  /** An answer to an event has no body to speak of and comes in one piece. */
  #answered(bytes: Buffer): void {
    this.#round.answered(this, { id: this.#id, isAccepted: bytes.toString("latin1", 9, 12) === "202" });
  }
}

let round: Round | undefined;
let lastId = 0;

/** The cheapest subscriber there is: it finds the event's id, skips the rest, and answers 202. */
function serveSubscriber(socket: Socket): void {
  let pending: Buffer | undefined;
  let bodyLeft = 0;
  let id = 0;
  socket.on("data", (chunk: Buffer) => {
    let bytes = pending === undefined ? chunk : Buffer.concat([pending, chunk]);
    pending = undefined;
    while (bytes.length > 0) {
      if (bodyLeft === 0) {
        const end = bytes.indexOf(headEnd);
        if (end < 0) {
          pending = bytes;
          return;
        }
        id = Number(textAfter(bytes, idHeader));
        bodyLeft = Number(textAfter(bytes, lengthHeader));
        bytes = bytes.subarray(end + headEnd.length);
      }
      const taken = Math.min(bodyLeft, bytes.length);
      bodyLeft -= taken;
      bytes = bytes.subarray(taken);
      if (bodyLeft > 0) return;
      socket.write(accepted);
      round?.settle(id);
    }
  });
  socket.on("error", () => socket.destroy());
}

function textAfter(bytes: Buffer, name: Buffer): string {
  const start = bytes.indexOf(name) + name.length;
  return bytes.toString("latin1", start, bytes.indexOf("\r", start));
}

function listen(serve: (socket: Socket) => void): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer({ noDelay: true }, serve);
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

function sleep(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}

process.on("message", (request: EventsLoadRequest) => {
  round = new Round(request);
  round.run().then(
    (result) => process.send?.(result),
    () => process.exit(1),
  );
});
process.on("disconnect", () => process.exit(0));
const ports = await Promise.all(Array.from({ length: subscribersMax }, () => listen(serveSubscriber)));
const silentPort = await listen((socket) => void socket.resume().on("error", () => socket.destroy()));
process.send?.({ ports, silentPort } satisfies EventsLoadPorts);
