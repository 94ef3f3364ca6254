import type { AddressInfo } from "node:net";
import type { Exchange } from "./exchange.ts";
import type { ProxyLimits } from "./limits.ts";

/** One port that requests come in by. */
export interface ProxyListener {
  /** Shown as `Exchange.listener`. */
  readonly name: string;
  /** 0 for any free port. */
  readonly port: number;
  /** Default: all addresses. */
  readonly host?: string;
}

/** Where the engine says what should not happen; pino's logger fits. */
export interface ProxyLog {
  warn(fields: object, message: string): void;
}

/** What a proxy is opened with. */
export interface ProxyServerOptions {
  readonly listeners: readonly ProxyListener[];
  /** Called for each well-formed request. It must call `forward` or `respond`, now or later. A throw is a 500. */
  onRequest(exchange: Exchange): void;
  readonly limits?: Partial<ProxyLimits>;
  readonly log?: ProxyLog;
}

/** Counts since the proxy was opened; the first four are gauges. */
export interface ProxyCounters {
  clients: number;
  upstreams: number;
  exchanges: number;
  discarding: number;
  clientsRefused: number;
  requests: number;
  requestsMalformed: number;
  upstreamsOpened: number;
  connectFailures: number;
  retries: number;
  discardDeadlines: number;
}

/** An open proxy. */
export interface ProxyServer {
  /** Where each listener is bound, by its name. */
  readonly addresses: Readonly<Record<string, AddressInfo>>;
  readonly counters: Readonly<ProxyCounters>;
  /** Resets all connections to an address: running exchanges get a 502, or a reset when the response had begun. */
  closeUpstream(address: string): void;
  /**
   * Stops accepting, answers with `Connection: close`, and resolves when every exchange has ended; after `drainMsMax`
   * the rest is reset. Idempotent.
   */
  drain(drainMsMax: number): Promise<void>;
  /** Resets everything at once. Idempotent. */
  close(): Promise<void>;
}

/** Opens the listeners. @throws the system's error (EADDRINUSE, …) when one cannot be bound; none is left open then. */
export function openProxyServer(options: ProxyServerOptions): Promise<ProxyServer> {
  return Promise.reject(new Error(`not yet: ${options.listeners.length}`));
}
