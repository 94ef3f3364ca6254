import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/**
 * How the way through a proxy is. `pass`: as if it were not there. `refuse`: new connections are reset at once, open ones
 * stay. `reset`: every connection, open or new, is reset. `slow`: each piece comes `delayMs` later. `hang`: connections
 * are taken and stay open, and nothing moves either way until the mode changes.
 */
export type TcpProxyMode = "pass" | "refuse" | "reset" | "slow" | "hang";

/** A way to a port of this machine that can be broken. */
export interface TcpProxy {
  readonly port: number;
  /** Connections that are open now. */
  readonly connections: number;
  /** Pieces that were held up, and connections that were reset, since the last change of mode: proof that it took effect. */
  readonly struck: number;
  setMode(mode: TcpProxyMode, options?: { readonly delayMs: number }): void;
  close(): Promise<void>;
}

interface Way {
  mode: TcpProxyMode;
  delayMs: number;
  struck: number;
  /** Told at each change of mode. */
  readonly changed: Set<() => void>;
}

/** Listens on 127.0.0.1 and passes what comes on to `targetPort` there. Starts in mode `pass`. */
export async function openTcpProxy(targetPort: number): Promise<TcpProxy> {
  const way: Way = { mode: "pass", delayMs: 0, struck: 0, changed: new Set() };
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    if (way.mode === "refuse" || way.mode === "reset") {
      way.struck += 1;
      client.resetAndDestroy();
      return;
    }
    const target = connect(targetPort, "127.0.0.1");
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      sockets.add(from);
      // How a connection ended shows at its other side, below.
      from.on("error", () => undefined);
      from.once("close", () => {
        sockets.delete(from);
        to.destroy();
      });
      passOn(from, to, way).catch(() => from.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return sockets.size / 2;
    },
    get struck() {
      return way.struck;
    },
    setMode(mode, { delayMs } = { delayMs: 0 }) {
      way.mode = mode;
      way.delayMs = delayMs;
      way.struck = 0;
      if (mode === "reset") {
        for (const socket of sockets) socket.resetAndDestroy();
        way.struck += sockets.size / 2;
      }
      for (const wake of way.changed) wake();
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      for (const wake of way.changed) wake();
      await closed;
    },
  };
}

/** One direction. What hangs is held in the sender's socket, so at most one piece is in memory. */
async function passOn(from: Socket, to: Socket, way: Way): Promise<void> {
  for await (const piece of from as AsyncIterable<Buffer>) {
    if (way.mode === "slow") {
      way.struck += 1;
      await new Promise((resolve) => setTimeout(resolve, way.delayMs));
    }
    if (way.mode === "hang") way.struck += 1;
    while (way.mode === "hang" && !to.destroyed) await changeOf(way, to);
    if (to.destroyed) return;
    if (!to.write(piece)) await drained(to);
  }
  to.end();
}

function changeOf({ changed }: Way, socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      changed.delete(wake);
      socket.off("close", wake);
      resolve();
    };
    changed.add(wake);
    socket.once("close", wake);
  });
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off("drain", done).off("close", done);
      resolve();
    };
    socket.once("drain", done).once("close", done);
  });
}
