import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { ClientConnection } from "./client-connection.ts";
import type { Engine, ProxyCounters, ProxyLog } from "./engine.ts";
import type { Exchange } from "./exchange.ts";
import { defaultLimits, type ProxyLimits } from "./limits.ts";
import { UpstreamPool } from "./upstream-pool.ts";

/** One port that requests come in by. */
export interface ProxyListener {
  /** Shown as `Exchange.listener`. */
  readonly name: string;
  /** 0 for any free port. */
  readonly port: number;
  /** Default: all addresses. */
  readonly host?: string;
}

/** What a proxy is opened with. */
export interface ProxyServerOptions {
  readonly listeners: readonly ProxyListener[];
  /** Called for each well-formed request. It must call `forward` or `respond`, now or later. A throw is a 500. */
  onRequest(exchange: Exchange): void;
  readonly limits?: Partial<ProxyLimits>;
  /** Default: silence. */
  readonly log?: ProxyLog;
}

/** How much is going on right now. */
export interface ProxyGauges {
  readonly clients: number;
  readonly upstreams: number;
  /** Exchanges whose client is gone and whose container has not ended them yet. */
  readonly discarding: number;
}

/** An open proxy. */
export interface ProxyServer {
  /** Where each listener is bound, by its name. */
  readonly addresses: Readonly<Record<string, AddressInfo>>;
  readonly counters: Readonly<ProxyCounters>;
  gauges(): ProxyGauges;
  /** Resets all connections to an address: running exchanges get a 502, or a reset when the response had begun. */
  closeUpstream(address: string): void;
  /**
   * Stops accepting, answers with `Connection: close`, and resolves when every client's connection and every discarded
   * exchange has ended; after `drainMsMax` the rest is reset. Idempotent.
   */
  drain(drainMsMax: number): Promise<void>;
  /** Resets everything at once. Idempotent. */
  close(): Promise<void>;
}

const sweepMs = 100;
/** While draining, a connection this quiet is closed: a busy one is told by its next response instead. */
const drainQuietMs = 1_000;
const silence: ProxyLog = { warn: () => {} };

/** Opens the listeners. @throws the system's error (EADDRINUSE, …) when one cannot be bound; none is left open then. */
export async function openProxyServer(options: ProxyServerOptions): Promise<ProxyServer> {
  const limits = { ...defaultLimits, ...options.limits };
  const settledWaiters = new Set<() => void>();
  const engine: Engine = {
    limits,
    log: options.log ?? silence,
    counters: {
      clientsRefused: 0,
      requests: 0,
      requestsMalformed: 0,
      upstreamsOpened: 0,
      connectFailures: 0,
      retries: 0,
      discardDeadlines: 0,
    },
    upstreams: new UpstreamPool(limits),
    clients: new Set(),
    discarding: new Set(),
    isDraining: false,
    onRequest: (exchange) => options.onRequest(exchange),
    onSettled() {
      for (const check of settledWaiters) check();
    },
  };
  const sweeper = openSweeper(engine);
  const servers: Server[] = [];
  const addresses: Record<string, AddressInfo> = {};
  try {
    for (const listener of options.listeners) {
      const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
        accept(engine, socket, listener.name);
        sweeper.wake();
      });
      servers.push(server);
      server.on("error", (error) => engine.log.warn({ err: error, listener: listener.name }, "A listener failed"));
      addresses[listener.name] = await listen(server, listener);
    }
  } catch (error) {
    await Promise.all(servers.map((server) => closeServer(server)));
    throw error;
  }

  const isSettled = (): boolean => engine.clients.size === 0 && engine.discarding.size === 0;
  const reset = (): void => {
    for (const client of engine.clients) client.abort();
    for (const exchange of engine.discarding) exchange.upstreamReset();
    engine.upstreams.closeIdle();
  };
  let closed: Promise<unknown> | undefined;
  const stopAccepting = (): Promise<unknown> => (closed ??= Promise.all(servers.map((server) => closeServer(server))));

  return {
    addresses,
    counters: engine.counters,
    gauges: () => ({
      clients: engine.clients.size,
      upstreams: engine.upstreams.size,
      discarding: engine.discarding.size,
    }),
    closeUpstream(address) {
      for (const user of engine.upstreams.usersOf(address)) user.upstreamReset();
    },
    async drain(drainMsMax) {
      engine.isDraining = true;
      const stopped = stopAccepting();
      if (!isSettled()) await settledWithin(drainMsMax);
      reset();
      await stopped;
      sweeper.close();
    },
    async close() {
      engine.isDraining = true;
      const stopped = stopAccepting();
      reset();
      await stopped;
      sweeper.close();
    },
  };

  function settledWithin(waitMsMax: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        settledWaiters.delete(check);
        resolve();
      };
      const check = (): void => {
        if (isSettled()) done();
      };
      const timer = setTimeout(done, waitMsMax);
      settledWaiters.add(check);
    });
  }
}

function accept(engine: Engine, socket: Socket, listener: string): void {
  if (engine.clients.size >= engine.limits.clientsMax || engine.isDraining || socket.remoteAddress === undefined) {
    engine.counters.clientsRefused++;
    socket.destroy();
    return;
  }
  engine.clients.add(new ClientConnection(engine, socket, listener));
}

function listen(server: Server, { host, port }: ProxyListener): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host, backlog: 4096 }, () => {
      server.off("error", reject);
      resolve(server.address() as AddressInfo);
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

/** One timer for all time limits, so that a request sets none of its own. It rests while nothing is connected. */
function openSweeper(engine: Engine): { wake(): void; close(): void } {
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  const sweep = (): void => {
    timer = undefined;
    const nowMs = performance.now();
    for (const client of engine.clients) {
      client.sweep(nowMs);
      if (engine.isDraining) client.closeIfIdle(nowMs, drainQuietMs);
    }
    for (const exchange of engine.discarding) exchange.sweep(nowMs);
    engine.upstreams.sweep(nowMs);
    if (engine.clients.size + engine.discarding.size + engine.upstreams.size > 0) wake();
  };
  const wake = (): void => {
    if (!isClosed) timer ??= setTimeout(sweep, sweepMs);
  };
  return {
    wake,
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
