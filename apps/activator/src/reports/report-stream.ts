import { type ClientRequest, request } from "node:http";
import { type Clock, makeBackoff } from "@kelvin/kube";
import type { Log } from "../log.ts";
import type { LeaderAddress } from "./leader-address.ts";
import type { ReportBook } from "./report-book.ts";

/** The one long request that carries our reports to whoever leads the autoscalers. */
export interface ReportStream {
  /** Call when the Lease has changed. */
  setLeader(leader: LeaderAddress | undefined): void;
  /** Something cannot wait for the next second: a first request at a revision without pods. */
  hurry(): void;
  readonly isConnected: boolean;
  close(): void;
}

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
 * Keeps the stream open as long as there is a leader, whatever breaks in between. Without one, nothing happens: requests
 * are served from what is known, and the counters say afterwards what went on.
 */
export function openReportStream({ book, clock, log }: ReportStreamDeps): ReportStream {
  const backoff = makeBackoff(retryMs.min, retryMs.max);
  let leader: LeaderAddress | undefined;
  let outgoing: ClientRequest | undefined;
  let isConnected = false;
  let isClosed = false;
  let blockedSinceMs: number | undefined;
  let cancelRetry: (() => void) | undefined;
  let cancelLine: (() => void) | undefined;
  let nextLineAtMs = Infinity;
  let earliestLineAtMs = 0;
  let connectedAtMs = Infinity;

  function sendLine(): void {
    cancelLine = undefined;
    nextLineAtMs = Infinity;
    if (outgoing === undefined || !isConnected) return;
    const startedMs = clock.monotonicMs();
    if (blockedSinceMs === undefined) write(outgoing, startedMs);
    else if (startedMs - blockedSinceMs > stuckMsMax) outgoing.destroy(new Error("leader does not read"));
    const endedMs = clock.monotonicMs();
    earliestLineAtMs = endedMs + Math.max(lineGapMsMin, 10 * (endedMs - startedMs));
    scheduleLine(endedMs + lineEveryMs);
  }

  function write(stream: ClientRequest, nowMs: number): void {
    if (stream.write(`${JSON.stringify(book.nextLine())}\n`)) return;
    blockedSinceMs = nowMs;
    stream.once("drain", () => {
      blockedSinceMs = undefined;
    });
  }

  function scheduleLine(atMs: number): void {
    const dueMs = Math.max(atMs, earliestLineAtMs);
    if (dueMs >= nextLineAtMs || !isConnected) return;
    cancelLine?.();
    nextLineAtMs = dueMs;
    cancelLine = clock.setTimer(sendLine, dueMs - clock.monotonicMs());
  }

  function connect(): void {
    cancelRetry = undefined;
    if (leader === undefined || isClosed) return;
    const stream = request({
      ...leader,
      method: "POST",
      path: "/internal/v1/reports",
      agent: false,
      headers: { "content-type": "application/x-ndjson", "transfer-encoding": "chunked" },
    });
    outgoing = stream;
    const cancelConnect = clock.setTimer(() => stream.destroy(new Error("connect timed out")), connectMsMax);
    stream.on("socket", (socket) => {
      socket.setNoDelay(true);
      socket.once("connect", () => {
        cancelConnect();
        if (outgoing === stream) begin();
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
      if (outgoing === stream) retry();
    });
    stream.flushHeaders();
  }

  function begin(): void {
    isConnected = true;
    connectedAtMs = clock.monotonicMs();
    blockedSinceMs = undefined;
    book.startOver();
    log.info({ ...leader }, "Connected to the autoscaler");
    sendLine();
  }

  function drop(): void {
    const stream = outgoing;
    outgoing = undefined;
    isConnected = false;
    cancelLine?.();
    cancelLine = undefined;
    nextLineAtMs = Infinity;
    cancelRetry?.();
    cancelRetry = undefined;
    stream?.destroy();
  }

  function retry(): void {
    // A stream that stood for a while was a good one; only failures in a row slow us down.
    drop();
    if (!isClosed && leader !== undefined) cancelRetry = clock.setTimer(connect, backoff.nextMs());
  }

  return {
    get isConnected() {
      return isConnected;
    },
    setLeader(next) {
      if (next?.host === leader?.host && next?.port === leader?.port) return;
      leader = next;
      backoff.reset();
      drop();
      connect();
    },
    hurry() {
      scheduleLine(clock.monotonicMs());
    },
    close() {
      isClosed = true;
      drop();
    },
  };
}
