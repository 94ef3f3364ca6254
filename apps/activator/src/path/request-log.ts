import type { Writable } from "node:stream";
import type { Exchange } from "@kelvin/http-proxy";

/** One JSON object a line for each request. Written in batches; a reader that cannot keep up loses lines, never requests. */
export interface RequestLog {
  record(exchange: Exchange, nowMs: number): void;
  /** Batches of lines that nobody read in time. */
  readonly dropped: number;
  close(): void;
}

const batchChars = 32_768;
const batchMs = 200;
const backlogBytesMax = 4 * 1024 * 1024;

/** @param wallMs milliseconds since 1970. */
export function openRequestLog(out: Writable, wallMs: () => number): RequestLog {
  let lines: string[] = [];
  let chars = 0;
  let dropped = 0;
  let timer: NodeJS.Timeout | undefined;
  let [stampMs, stamp] = [NaN, ""];

  function flush(): void {
    if (timer !== undefined) clearTimeout(timer);
    timer = undefined;
    const batch = lines;
    lines = [];
    chars = 0;
    if (batch.length === 0) return;
    if (out.writableLength > backlogBytesMax) dropped++;
    else out.write(batch.join(""));
  }

  return {
    get dropped() {
      return dropped;
    },
    record(exchange, nowMs) {
      const ms = wallMs();
      if (ms !== stampMs) [stampMs, stamp] = [ms, new Date(ms).toISOString()];
      const line = lineOf(exchange, { nowMs, stamp });
      lines.push(line);
      chars += line.length;
      if (chars >= batchChars) flush();
      else timer ??= setTimeout(flush, batchMs);
    },
    close: flush,
  };
}

// By hand: a general serializer costs a tenth of the whole request. What clients choose goes through `quoted`.
function lineOf(exchange: Exchange, { nowMs, stamp }: { nowMs: number; stamp: string }): string {
  const userAgent = exchange.header("user-agent");
  return (
    `{"time":"${stamp}","listener":"${exchange.listener}","remote":"${exchange.remoteAddress}",` +
    `"method":"${exchange.method}","host":${quoted(exchange.host)},"target":${quoted(exchange.target)},` +
    `"status":${exchange.status},"outcome":"${exchange.outcome ?? ""}","requestBytes":${exchange.requestBodyBytes},` +
    `"responseBytes":${exchange.responseBodyBytes},"latencyMs":${Math.round((nowMs - exchange.receivedAtMs) * 100) / 100}` +
    `${userAgent === undefined ? "" : `,"userAgent":${quoted(userAgent)}`}}\n`
  );
}

/** Anything but plain printable ASCII without quotes and backslashes. */
const unsafe = /[^\u0020\u0021\u0023-\u005b\u005d-\u007e]/;

function quoted(text: string): string {
  return unsafe.test(text) ? JSON.stringify(text) : `"${text}"`;
}
