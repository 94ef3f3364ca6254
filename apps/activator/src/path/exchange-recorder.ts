import type { Writable } from "node:stream";
import type { Exchange } from "@kelvin/http-proxy";
import { systemClock } from "@kelvin/kube";
import { openRequestLog } from "./request-log.ts";
import { makeRequestMetrics, type RequestMetrics } from "./request-metrics.ts";

/** Sees every exchange when it is over: counts it, and logs it where that is asked for. */
export interface ExchangeRecorder {
  readonly metrics: RequestMetrics;
  readonly logLinesDropped: number;
  wrap(onRequest: (exchange: Exchange) => void): (exchange: Exchange) => void;
  close(): void;
}

export interface ExchangeRecorderDeps {
  readonly nowMs: () => number;
  /** Undefined: no request log. */
  readonly requestLogOut: Writable | undefined;
}

export function openExchangeRecorder({ nowMs, requestLogOut }: ExchangeRecorderDeps): ExchangeRecorder {
  const metrics = makeRequestMetrics();
  const log =
    requestLogOut === undefined ? undefined : openRequestLog(requestLogOut, () => systemClock.now().getTime());
  const onEnd = (exchange: Exchange): void => {
    const endMs = nowMs();
    metrics.record(exchange, endMs);
    log?.record(exchange, endMs);
  };
  return {
    metrics,
    get logLinesDropped() {
      return log?.dropped ?? 0;
    },
    wrap: (onRequest) => (exchange) => {
      exchange.onEnd = onEnd;
      onRequest(exchange);
    },
    close() {
      log?.close();
    },
  };
}
