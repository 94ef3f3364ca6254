import type { Server, Socket } from "node:net";
import { joinConnections } from "../forward.ts";
import type { Outside } from "./outside.ts";

const CONNECTIONS_MAX = 4_000;
/** A peer that vanished without a word is noticed by this; the kernel then takes about ten minutes more. */
const KEEP_ALIVE_DELAY_MS = 60_000;

export interface EgressOptions {
  readonly listeners: readonly Server[];
  readonly outside: Outside;
}

/**
 * Lets the cluster out. Every outside address is local to the namespace of the listeners, so an accepted connection says
 * where its client wanted to go; the host dials that, and both are joined. What cannot be reached is reset at once.
 */
export function openEgress({ listeners, outside }: EgressOptions): { close(): void } {
  let count = 0;
  const accept = (client: Socket): void => {
    client.on("error", () => client.destroy());
    if (count >= CONNECTIONS_MAX) {
      client.resetAndDestroy();
      return;
    }
    count += 1;
    client.once("close", () => (count -= 1));
    letOut(client, outside).catch(() => client.resetAndDestroy());
  };
  for (const server of listeners) {
    // Handles that arrive from another process are made with half-close off; a client may end its side first.
    Object.assign(server, { allowHalfOpen: true, pauseOnConnect: true });
    server.on("connection", accept);
  }
  return {
    close() {
      for (const server of listeners) server.close();
    },
  };
}

async function letOut(client: Socket, outside: Outside): Promise<void> {
  const { localAddress: address = "", localPort: port = 0 } = client;
  const upstream = await outside.dial({ address, port });
  upstream.allowHalfOpen = true;
  for (const socket of [client, upstream]) socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS).setNoDelay(true);
  joinConnections(client, upstream);
}
