import type { ClientConnection } from "./client-connection.ts";
import type { Exchange } from "./exchange.ts";
import type { ProxyLimits } from "./limits.ts";
import type { ProxyExchange } from "./proxy-exchange.ts";
import type { UpstreamPool } from "./upstream-pool.ts";

/** Where the engine says what should not happen; pino's logger fits. */
export interface ProxyLog {
  warn(fields: object, message: string): void;
}

/** Counts since the proxy was opened. */
export interface ProxyCounters {
  clientsRefused: number;
  requests: number;
  requestsMalformed: number;
  upstreamsOpened: number;
  connectFailures: number;
  /** Second tries on a fresh connection. */
  retries: number;
  /** Slots that were given back though the container had not ended its exchange. */
  discardDeadlines: number;
}

/** What all connections of one proxy share. */
export interface Engine {
  readonly limits: ProxyLimits;
  readonly log: ProxyLog;
  readonly counters: ProxyCounters;
  readonly upstreams: UpstreamPool;
  readonly clients: Set<ClientConnection>;
  /** Exchanges whose client is gone and whose container has not ended them yet. */
  readonly discarding: Set<ProxyExchange>;
  isDraining: boolean;
  onRequest(exchange: Exchange): void;
  /** Called when a client's connection, or a discarded exchange, is over. */
  onSettled(): void;
}
