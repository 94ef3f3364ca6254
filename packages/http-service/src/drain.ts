import type { FastifyInstance } from "fastify";

/** How an app is closed without losing what it has begun. */
export interface Drain {
  readonly isDraining: boolean;
  /** Closes the app: requests under way are answered, unless they take longer than `drainMsMax`. */
  close(drainMsMax: number): Promise<void>;
}

/** Prepares the app for being closed. Call it before the app's own hooks and routes. */
export function addDrain(app: FastifyInstance): Drain {
  let isDraining = false;
  // A kept-alive connection whose request ends after the server was closed would otherwise hold it open for long.
  app.addHook("onSend", async (_request, reply) => {
    if (isDraining) reply.header("connection", "close");
  });
  app.addHook("onResponse", (_request, _reply, done) => {
    if (isDraining) setImmediate(() => app.server.closeIdleConnections());
    done();
  });
  return {
    get isDraining() {
      return isDraining;
    },
    async close(drainMsMax) {
      isDraining = true;
      const cutOff = setTimeout(() => app.server.closeAllConnections(), drainMsMax);
      try {
        await app.close();
      } finally {
        clearTimeout(cutOff);
      }
    },
  };
}
