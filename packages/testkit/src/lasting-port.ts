import { createServer } from "node:net";

/** Below what the system gives to outgoing connections. */
const [FIRST, COUNT] = [20_000, 12_000];
const TRIES_MAX = 100;

/**
 * A free port of 127.0.0.1 for a server that is killed and started again. The system gives it to nobody who asks for any
 * port, so that it stays free while the server is down.
 */
export async function findLastingPort(): Promise<number> {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port from ${FIRST} on, tried ${TRIES_MAX}`);
}

function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}
