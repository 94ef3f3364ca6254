import type { ClusterView } from "./cluster-view.ts";
import { openStreamServer, type ServerDeps, type StreamServer } from "./stream-server.ts";
import { objectText, type StreamName } from "./stream-key.ts";

/** The servers of all streams that there are. */
export interface StreamServers {
  /** Looks at every stream again. */
  wake(): void;
  /** Looks at every stream there is. Resolves when each was looked at once. */
  looked(): Promise<void>;
  setPaused(isPaused: boolean): void;
  close(drainMs: number): Promise<void>;
}

/** Opens a server for each stream as it comes, and drops it when there is nothing left of the stream. */
export function openStreamServers(deps: ServerDeps & { readonly view: ClusterView }): StreamServers {
  const servers = new Map<string, StreamServer>();
  let isClosed = false;
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
    if (isClosed) return;
    for (const stream of streams) wake(stream);
    sweep();
  });
  return {
    wake() {
      for (const server of servers.values()) server.wake();
    },
    async looked() {
      await Promise.all(deps.view.streams().map((stream) => wake(stream).looked));
    },
    setPaused(isPaused) {
      for (const server of servers.values()) server.setPaused(isPaused);
    },
    async close(drainMs) {
      isClosed = true;
      await Promise.all([...servers.values()].map((server) => server.close(drainMs)));
    },
  };
}
