import type { ClientRequest } from "node:http";
import { type Backoff, type Clock, makeBackoff } from "@kelvin/kube";
import type { Log } from "../log.ts";
import { request } from "../node-http.ts";
import type { LeaderAddress } from "./leader-address.ts";
import type { ReportBook } from "./report-book.ts";

export interface ReportStreamDeps {
  readonly book: ReportBook;
  readonly clock: Clock;
  readonly log: Log;
}

const lineEveryMs = 1_000;
/** Between two lines at least this, and ten times what making a line costs. */
const lineGapMsMin = 20;
const connectMsMax = 2_000;
/** A leader that reads nothing for so long is taken for gone. */
const stuckMsMax = 5_000;
const retryMs = { min: 100, max: 1_000 };
/** A stream that stood this long was a good one; the next failure is a first one again. */
const goodAfterMs = 5_000;

/**
 * The one long request that carries our reports to whoever leads the autoscalers, opened anew whatever breaks. Without a
 * leader nothing happens: requests are served from what is known, and the counters say afterwards what went on.
 */
export class ReportStream {
  readonly #deps: ReportStreamDeps;
  readonly #backoff: Backoff = makeBackoff(retryMs.min, retryMs.max);
  #leader: LeaderAddress | undefined;
  #outgoing: ClientRequest | undefined;
  #connectedAtMs: number | undefined;
  #blockedSinceMs: number | undefined;
  #isClosed = false;
  #cancelRetry: (() => void) | undefined;
  #cancelLine: (() => void) | undefined;
  #nextLineAtMs = Infinity;
  #earliestLineAtMs = 0;

  constructor(deps: ReportStreamDeps) {
    this.#deps = deps;
  }

  get isConnected(): boolean {
    return this.#connectedAtMs !== undefined;
  }

  /** Call when the Lease has changed. */
  setLeader(leader: LeaderAddress | undefined): void {
    if (leader?.host === this.#leader?.host && leader?.port === this.#leader?.port) return;
    this.#leader = leader;
    this.#backoff.reset();
    this.#drop();
    this.#connect();
  }

  /** Something cannot wait for the next second: a first request at a revision without pods. */
  hurry(): void {
    this.#scheduleLine(this.#deps.clock.monotonicMs());
  }

  close(): void {
    this.#isClosed = true;
    this.#drop();
  }

  #connect(): void {
    this.#cancelRetry = undefined;
    if (this.#leader === undefined || this.#isClosed) return;
    const { clock, log } = this.#deps;
    const stream = request({
      ...this.#leader,
      method: "POST",
      path: "/internal/v1/reports",
      agent: false,
      headers: { "content-type": "application/x-ndjson", "transfer-encoding": "chunked" },
    });
    this.#outgoing = stream;
    const cancelConnect = clock.setTimer(() => stream.destroy(new Error("connect timed out")), connectMsMax);
    stream.on("socket", (socket) => {
      socket.setNoDelay(true);
      socket.once("connect", () => {
        cancelConnect();
        if (this.#outgoing === stream) this.#begin();
      });
    });
    stream.on("response", (response) => {
      // Whatever it answers, it no longer reads: most often it has lost the lead.
      log.info({ status: response.statusCode }, "Autoscaler ended the report stream");
      response.resume();
      stream.destroy();
    });
    stream.on("error", (error) => {
      log.debug({ error: error.message }, "Report stream failed");
    });
    stream.on("close", () => {
      cancelConnect();
      if (this.#outgoing === stream) this.#retry();
    });
    stream.flushHeaders();
  }

  #begin(): void {
    this.#connectedAtMs = this.#deps.clock.monotonicMs();
    this.#blockedSinceMs = undefined;
    this.#deps.book.startOver();
    this.#deps.log.info({ ...this.#leader }, "Connected to the autoscaler");
    this.#sendLine();
  }

  #retry(): void {
    const { clock } = this.#deps;
    const sinceMs = this.#connectedAtMs;
    if (sinceMs !== undefined && clock.monotonicMs() - sinceMs >= goodAfterMs) this.#backoff.reset();
    this.#drop();
    if (this.#isClosed || this.#leader === undefined) return;
    this.#cancelRetry = clock.setTimer(() => {
      this.#connect();
    }, this.#backoff.nextMs());
  }

  #drop(): void {
    const stream = this.#outgoing;
    this.#outgoing = undefined;
    this.#connectedAtMs = undefined;
    this.#cancelLine?.();
    this.#cancelLine = undefined;
    this.#nextLineAtMs = Infinity;
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    stream?.destroy();
  }

  #scheduleLine(atMs: number): void {
    const dueMs = Math.max(atMs, this.#earliestLineAtMs);
    if (dueMs >= this.#nextLineAtMs || !this.isConnected) return;
    this.#cancelLine?.();
    this.#nextLineAtMs = dueMs;
    this.#cancelLine = this.#deps.clock.setTimer(() => {
      this.#sendLine();
    }, dueMs - this.#deps.clock.monotonicMs());
  }

  #sendLine(): void {
    const { clock } = this.#deps;
    this.#cancelLine = undefined;
    this.#nextLineAtMs = Infinity;
    if (this.#outgoing === undefined) return;
    const startedMs = clock.monotonicMs();
    if (this.#blockedSinceMs === undefined) this.#write(this.#outgoing, startedMs);
    else if (startedMs - this.#blockedSinceMs > stuckMsMax) this.#outgoing.destroy(new Error("leader does not read"));
    const endedMs = clock.monotonicMs();
    this.#earliestLineAtMs = endedMs + Math.max(lineGapMsMin, 10 * (endedMs - startedMs));
    this.#scheduleLine(endedMs + lineEveryMs);
  }

  #write(stream: ClientRequest, nowMs: number): void {
    if (stream.write(`${JSON.stringify(this.#deps.book.nextLine())}\n`)) return;
    this.#blockedSinceMs = nowMs;
    stream.once("drain", () => {
      this.#blockedSinceMs = undefined;
    });
  }
}
