import type { AddressInfo } from "node:net";
import { Server as NetServer } from "node:net";
import { createServer, type Server } from "node:https";
import type { RequestListener } from "node:http";
import type { KeyPair } from "../identity/certificates.ts";
import { wantsUpgrade } from "./upgrades.ts";

/** Where to accept connections: a port to bind, a descriptor or a bound server handed over, or a path of a unix socket. */
export type ListenTarget =
  | { readonly host: string; readonly port: number }
  | { readonly fd: number }
  | { readonly path: string }
  | { readonly server: NetServer };

/** A TLS server for HTTP/1.1 with the timeouts that Go and undici clients need. Not listening yet. */
export function makeTlsServer({ cert, key }: KeyPair, listener: RequestListener): Server {
  const server = createServer(
    { cert, key, ALPNProtocols: ["http/1.1"], noDelay: true, shouldUpgradeCallback: wantsUpgrade },
    listener,
  );
  // Idle connections outlive the clients' pools (Go: 90 s), or a POST would now and then meet a closing socket.
  server.keepAliveTimeout = 120_000;
  server.headersTimeout = 125_000;
  // Watches and logs last as long as they like.
  server.requestTimeout = 0;
  server.timeout = 0;
  server.maxHeadersCount = 200;
  // A peer that speaks no TLS, or leaves within the handshake, ends its own connection only.
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  return server;
}

/** Begins to accept on one target. Resolves with the bound port, 0 where there is none. */
export async function listenOn(server: Server, target: ListenTarget): Promise<number> {
  if ("server" in target) {
    target.server.on("connection", (socket) => server.emit("connection", socket));
    return portOf(target.server);
  }
  // A TLS server listens once; further targets get a plain server that hands its connections on.
  const listener = server.listening ? new NetServer((socket) => server.emit("connection", socket)) : server;
  await new Promise<void>((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(target, () => {
      listener.removeListener("error", reject);
      resolve();
    });
  });
  if (listener !== server) server.once("close", () => listener.close());
  return portOf(listener);
}

function portOf(server: NetServer): number {
  const address = server.address();
  return address !== null && typeof address === "object" ? (address satisfies AddressInfo).port : 0;
}
