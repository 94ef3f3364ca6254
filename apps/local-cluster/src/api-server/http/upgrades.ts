import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

/** More commands and the like at a time are refused. */
const OPEN_MAX = 200;

/** A request that wants to become something else than HTTP. */
export interface Upgrade {
  /** Takes the connection over; from then on the response is of no use. */
  accept(): Duplex;
}

/** Whether a request asks for a WebSocket. Everything else is answered as if it had not asked for anything. */
export function wantsUpgrade(request: IncomingMessage): boolean {
  return request.headers.upgrade?.toLowerCase() === "websocket";
}

type Listener = (request: IncomingMessage, response: ServerResponse, upgrade: Upgrade) => void;

/** Gives requests for a WebSocket to `listener`, with a response for the case that it refuses. `close` ends the accepted. */
export function followUpgrades(server: Pick<Server, "on">, listener: Listener): { close(): void } {
  const open = new Set<Duplex>();
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Until somebody takes the connection, an error on it concerns nobody.
    socket.on("error", () => socket.destroy());
    if (open.size >= OPEN_MAX) {
      socket.end("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nConnection: close\r\n\r\n");
      return;
    }
    open.add(socket);
    if (head.length > 0) socket.unshift(head);
    socket.once("close", () => open.delete(socket));
    // Not imported, for the reason in listen.ts.
    const response = new (process.getBuiltinModule("node:http").ServerResponse)(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket as Parameters<typeof response.assignSocket>[0]);
    response.once("finish", () => socket.end());
    listener(request, response, {
      accept() {
        response.detachSocket(socket as Parameters<typeof response.assignSocket>[0]);
        return socket;
      },
    });
  });
  return {
    close() {
      for (const socket of open) socket.destroy();
    },
  };
}
