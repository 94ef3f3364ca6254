import type { Writable } from "node:stream";
import type { Exchange } from "@kelvin/http-proxy";

/** One JSON object a line for each request. Written in batches; a reader that cannot keep up loses lines, never requests. */
export interface RequestLog {
  record(exchange: Exchange, nowMs: number): void;
  readonly dropped: number;
  close(): void;
}

const batchBytes = 32_768;
const batchMs = 200;
const backlogBytesMax = 4 * 1024 * 1024;

export function openRequestLog(out: Writable, wallClock: () => Date): RequestLog {
  let batch = "";
  let dropped = 0;
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    if (timer !== undefined) clearTimeout(timer);
    timer = undefined;
    const lines = batch;
    batch = "";
    if (lines === "") return;
    if (out.writableLength > backlogBytesMax) dropped++;
    else out.write(lines);
  }

  return {
    get dropped() {
      return dropped;
    },
    record(exchange, nowMs) {
      batch += `${JSON.stringify(lineOf(exchange, { nowMs, time: wallClock() }))}\n`;
      if (batch.length >= batchBytes) flush();
      else timer ??= setTimeout(flush, batchMs);
    },
    close: flush,
  };
}

function lineOf(exchange: Exchange, { nowMs, time }: { nowMs: number; time: Date }): object {
  return {
    time: time.toISOString(),
    listener: exchange.listener,
    remote: exchange.remoteAddress,
    method: exchange.method,
    host: exchange.host,
    target: exchange.target,
    status: exchange.status,
    outcome: exchange.outcome,
    requestBytes: exchange.requestBodyBytes,
    responseBytes: exchange.responseBodyBytes,
    latencyMs: Math.round((nowMs - exchange.receivedAtMs) * 100) / 100,
    userAgent: exchange.header("user-agent"),
  };
}
