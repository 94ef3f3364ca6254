import { createServer, type Server } from "node:net";

const HOSTS = ["127.0.0.1", "::1"];

/** Binds a port on the host's loopback addresses. A machine without IPv6 has only one. @throws Error when it is taken. */
export async function bindHostPort(port: number): Promise<Server[]> {
  const servers: Server[] = [];
  for (const host of HOSTS) {
    try {
      servers.push(await bind(host, port));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (host === "::1" && (code === "EADDRNOTAVAIL" || code === "EAFNOSUPPORT")) continue;
      for (const server of servers) server.close();
      throw error;
    }
  }
  return servers;
}

const FREE_PORT_ATTEMPTS_MAX = 20;

/** Binds a port that is free on all loopback addresses. @throws Error when none is found in a few attempts. */
export async function bindFreeHostPort(): Promise<{ port: number; servers: Server[] }> {
  for (let attempt = 1; ; attempt += 1) {
    const trial = await bind("127.0.0.1", 0);
    const address = trial.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    await new Promise((resolve) => trial.close(resolve));
    try {
      return { port, servers: await bindHostPort(port) };
    } catch (error) {
      if (attempt === FREE_PORT_ATTEMPTS_MAX) throw error;
    }
  }
}

function bind(host: string, port: number): Promise<Server> {
  // Only the cluster accepts. What comes in the moment before it has the socket is refused.
  const server = createServer((socket) => socket.resetAndDestroy());
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      resolve(server);
    });
  });
}

/** What a failed bind means to a user; `option` is how to choose another port. */
export function describeBindFailure(port: number, option: string, error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "EADDRINUSE") return `port ${port} is already in use. Choose another: npm start -- ${option}`;
  if (code === "EACCES") return `this user may not listen on port ${port}. Choose another: npm start -- ${option}`;
  return `cannot listen on port ${port}: ${error instanceof Error ? error.message : String(error)}. Choose another: npm start -- ${option}`;
}
