import type { FastifyInstance } from "fastify";

/** Closes the app: requests under way are answered, unless they take longer than `drainMsMax`. */
export async function closeWithin(app: FastifyInstance, drainMsMax: number): Promise<void> {
  const cutOff = setTimeout(() => app.server.closeAllConnections(), drainMsMax);
  try {
    await app.close();
  } finally {
    clearTimeout(cutOff);
  }
}
