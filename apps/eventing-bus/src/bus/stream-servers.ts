import type { ClusterView } from "./cluster-view.ts";
import { openStreamServer, type ServerDeps, type StreamServer } from "./stream-server.ts";
import { objectText, type StreamName } from "./stream-key.ts";

/** The servers of all streams that there are. */
export interface StreamServers {
  /**
   * Begins, once everything has been seen: a Broker that is read before its Triggers are known loses their events. Resolves
   * when each stream was looked at once.
   */
  begin(): Promise<void>;
  /** Looks at every stream again. */
  wake(): void;
  setPaused(isPaused: boolean): void;
  /** Events that some consumer has not had yet. */
  unfinished(): Promise<number>;
  close(drainMs: number): Promise<void>;
}

/** Opens a server for each stream as it comes, and drops it when there is nothing left of the stream. */
export function openStreamServers(deps: ServerDeps & { readonly view: ClusterView }): StreamServers {
  const servers = new Map<string, StreamServer>();
  let isServing = false;
  const wake = (stream: StreamName): StreamServer => {
    const text = objectText(stream);
    const server = servers.get(text) ?? openStreamServer(stream, deps);
    servers.set(text, server);
    server.wake();
    return server;
  };
  const sweep = (): void => {
    for (const [text, server] of servers) if (server.isIdle) servers.delete(text);
  };
  deps.view.onChange((streams) => {
    if (!isServing) return;
    for (const stream of streams) wake(stream);
    sweep();
  });
  return {
    async begin() {
      isServing = true;
      await Promise.all(deps.view.streams().map((stream) => wake(stream).looked));
    },
    wake() {
      for (const server of servers.values()) server.wake();
    },
    setPaused(isPaused) {
      for (const server of servers.values()) server.setPaused(isPaused);
    },
    async unfinished() {
      const all = await Promise.all([...servers.values()].map((server) => server.unfinished()));
      return all.reduce((sum, one) => sum + one, 0);
    },
    async close(drainMs) {
      isServing = false;
      await Promise.all([...servers.values()].map((server) => server.close(drainMs)));
    },
  };
}
