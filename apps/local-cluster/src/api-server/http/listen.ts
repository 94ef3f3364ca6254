import type { AddressInfo } from "node:net";
import { Server as NetServer } from "node:net";
import { createServer, type Server } from "node:https";
import type { RequestListener } from "node:http";
import type { Duplex } from "node:stream";
import type { KeyPair } from "@kelvin/x509";
import { badRequest, StatusError } from "../status-error.ts";
import { wantsUpgrade } from "./upgrades.ts";

/** An `import` of it for values would read all its exports, and that loads the client of `fetch`: 40 ms at each start. */
const { STATUS_CODES } = process.getBuiltinModule("node:http");

/** Where to accept connections: a port to bind, a descriptor or a bound server handed over, or a path of a unix socket. */
export type ListenTarget =
  | { readonly host: string; readonly port: number }
  | { readonly fd: number }
  | { readonly path: string }
  | { readonly server: NetServer };

/** How long a client that is refused may go on sending before it is cut off; a reset at once would take the answer along. */
const lingerMs = 1_000;
/** As upstream: nobody needs a minute to send three megabytes to the same machine. */
const requestMsMax = 60_000;
const checkIntervalMs = 10_000;
/** Selectors of lists may be long. */
const headerBytesMax = 64 * 1024;
/** More than there may be watches. */
const connectionsMax = 25_000;

/** The answer to what is no request, as far as the connection still takes one. */
function refuseRequest(error: Error, socket: Duplex): void {
  // What still comes of a request that was refused is refused again, and says nothing new.
  if (socket.writableEnded) return;
  const status = statusOf("code" in error ? error.code : "").status;
  const text = JSON.stringify(status);
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const head = `HTTP/1.1 ${status.code} ${STATUS_CODES[status.code] ?? ""}\r\nConnection: close\r\nContent-Type: application/json`;
  socket.end(`${head}\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  setTimeout(() => socket.destroy(), lingerMs).unref();
}

function statusOf(code: unknown): StatusError {
  if (code === "HPE_HEADER_OVERFLOW") {
    const message = `the head of the request is longer than ${headerBytesMax} bytes: shorten its URL or its headers`;
    return new StatusError(431, "RequestHeaderFieldsTooLarge", { message });
  }
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") {
    const message = `the request was not complete after ${requestMsMax / 1_000} seconds: send it again`;
    return new StatusError(408, "Timeout", { message });
  }
  return badRequest(`the request is not valid HTTP (${String(code)})`);
}

/** A TLS server for HTTP/1.1 with the timeouts that Go and undici clients need. Not listening yet. */
export function makeTlsServer({ cert, key }: KeyPair, listener: RequestListener): Server {
  const server = createServer(
    {
      cert,
      key,
      ALPNProtocols: ["http/1.1"],
      noDelay: true,
      // A peer that vanished without a word is found out, and its watch ended.
      keepAlive: true,
      keepAliveInitialDelay: 60_000,
      handshakeTimeout: requestMsMax,
      connectionsCheckingInterval: checkIntervalMs,
      maxHeaderSize: headerBytesMax,
      shouldUpgradeCallback: wantsUpgrade,
    },
    listener,
  );
  // Idle connections outlive the clients' pools (Go: 90 s), or a POST would now and then meet a closing socket.
  server.keepAliveTimeout = 120_000;
  // The head of a request, and all of it: watches and logs last as long as they like, for those are answers.
  server.headersTimeout = requestMsMax;
  server.requestTimeout = requestMsMax;
  server.timeout = 0;
  server.maxHeadersCount = 200;
  server.maxConnections = connectionsMax;
  server.on("clientError", refuseRequest);
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
