// A process of its own: closed-loop load over keep-alive connections, and the upstream that the load ends at.
// Spoken to by IPC: {port, host, connections, durationMs} → LoadResult. Its first message is {upstreamPort}.
import { connect, type Socket } from "node:net";
import { openUpstream } from "./upstream.ts";

/** What one round of load asks for. */
export interface LoadRequest {
  readonly port: number;
  /** Sent as Host. */
  readonly host: string;
  readonly connections: number;
  readonly warmupMs: number;
  readonly durationMs: number;
}

/** What came of it, after the warm-up. */
export interface LoadResult {
  readonly requests: number;
  /** Anything but a 200, and connections that were lost. */
  readonly failures: number;
  readonly elapsedMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const ok = Buffer.from("HTTP/1.1 200");
const scratch = Buffer.allocUnsafeSlow(64 * 1024);
const headEnd = Buffer.from("\r\n\r\n");

class Connection {
  readonly #socket: Socket;
  readonly #request: Buffer;
  readonly #round: Round;
  #sentAtMs = 0;
  /** The response's size, learnt from the first: all are alike. */
  #responseBytes = 0;
  #received = 0;

  constructor(round: Round, { port, host }: LoadRequest) {
    this.#round = round;
    this.#request = Buffer.from(
      `GET /hello HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: kelvin-bench\r\nAccept: */*\r\n\r\n`,
    );
    this.#socket = connect({
      port,
      host: "127.0.0.1",
      noDelay: true,
      onread: { buffer: scratch, callback: (size) => this.#read(scratch.subarray(0, size)) },
    });
    this.#socket.on("connect", () => this.#send());
    this.#socket.on("error", () => this.#round.fail());
    this.#socket.on("end", () => this.#round.fail());
  }

  close(): void {
    this.#socket.removeAllListeners("end");
    this.#socket.destroy();
  }

  #send(): void {
    if (this.#round.isOver) return;
    this.#sentAtMs = performance.now();
    this.#socket.write(this.#request);
  }

  #read(bytes: Buffer): boolean {
    if (this.#received === 0 && !bytes.subarray(0, ok.length).equals(ok)) this.#round.fail();
    if (this.#responseBytes === 0) this.#responseBytes = responseBytes(bytes);
    this.#received += bytes.length;
    if (this.#responseBytes > 0 && this.#received >= this.#responseBytes) {
      this.#received = 0;
      this.#round.done(performance.now() - this.#sentAtMs);
      this.#send();
    }
    return true;
  }
}

/** Learns from a first response, which comes in one piece, how long all of them are. */
function responseBytes(bytes: Buffer): number {
  const bodyAt = bytes.indexOf(headEnd) + headEnd.length;
  const length = /content-length: (\d+)/i.exec(bytes.toString("latin1", 0, bodyAt))?.[1];
  return length === undefined ? bytes.length : bodyAt + Number(length);
}

class Round {
  isOver = false;
  isCounting = false;
  failures = 0;
  readonly #latenciesMs: number[] = [];

  done(latencyMs: number): void {
    if (this.isCounting) this.#latenciesMs.push(latencyMs);
  }

  fail(): void {
    if (this.isCounting) this.failures++;
  }

  result(elapsedMs: number): LoadResult {
    const sorted = Float64Array.from(this.#latenciesMs).toSorted();
    const at = (ratio: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * ratio))] ?? 0;
    return { requests: sorted.length, failures: this.failures, elapsedMs, p50Ms: at(0.5), p99Ms: at(0.99) };
  }
}

async function runRound(request: LoadRequest): Promise<LoadResult> {
  const round = new Round();
  const connections = Array.from({ length: request.connections }, () => new Connection(round, request));
  await sleep(request.warmupMs);
  const startedAtMs = performance.now();
  process.send?.("counting");
  round.isCounting = true;
  await sleep(request.durationMs);
  round.isCounting = false;
  const elapsedMs = performance.now() - startedAtMs;
  round.isOver = true;
  for (const connection of connections) connection.close();
  return round.result(elapsedMs);
}

function sleep(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}

process.on("message", (request: LoadRequest) => {
  runRound(request).then(
    (result) => process.send?.(result),
    () => process.exit(1),
  );
});
process.on("disconnect", () => process.exit(0));
process.send?.({ upstreamPort: await openUpstream() });
