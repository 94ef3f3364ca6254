import { createServer, type Server } from "node:net";

// Runs for a moment in the network namespace in which every outside address is local, makes a listening socket for each
// port named on its command line, and hands them to its parent: they keep belonging to this namespace.

const BACKLOG = 128;

function listen(port: number): Promise<Server> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host: "0.0.0.0", backlog: BACKLOG }, () => resolve(server));
  });
}

function hand(port: number, server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send?.({ port }, server, { keepOpen: false }, (error) => {
      server.close();
      if (error === null) resolve();
      else reject(error);
    });
  });
}

for (const port of process.argv.slice(2).map(Number)) await hand(port, await listen(port));
process.disconnect?.();
