import type { IncomingMessage } from "node:http";

// node's own client, and not undici's: it is in the executable already, where undici costs each process 45 ms and 6 MB,
// its WebAssembly parser among them (measured). An ES import would evaluate node:http's lazy exports, a WebSocket client
// among them: as much again.
const http = process.getBuiltinModule("node:http");
const https = process.getBuiltinModule("node:https");
const { createSecureContext } = process.getBuiltinModule("node:tls");

/** As in tls.connect. */
export interface TlsOptions {
  ca?: string;
  cert?: string;
  key?: string;
  servername?: string;
  rejectUnauthorized?: boolean;
}

/** How the server is spoken to. */
export interface HttpPoolOptions {
  /** For `https:`. */
  tls: TlsOptions;
  /** How long the server may be silent, from the connection on, before the request fails. */
  silenceMsMax: number;
}

/** One request. */
export interface HttpRequest {
  method: string;
  path: string;
  headers: Readonly<Record<string, string>>;
  body?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** Connections to one origin, kept for the next request. As many as there are requests at once. */
export interface HttpPool {
  /** Resolves with the open answer. The caller reads it to its end or destroys it. */
  request(request: HttpRequest): Promise<IncomingMessage>;
  /** Ends all connections at once. */
  destroy(): void;
}

/** Idle connections are closed after this. */
const KEPT_MS_MAX = 30_000;
const TCP_KEEP_ALIVE_MS = 15_000;

/** Opens a pool; nothing is sent before the first request. */
export function openHttpPool(origin: URL, { tls, silenceMsMax }: HttpPoolOptions): HttpPool {
  const isSecure = origin.protocol === "https:";
  const kept = { keepAlive: true, keepAliveMsecs: TCP_KEEP_ALIVE_MS, timeout: KEPT_MS_MAX };
  const agent = isSecure ? new https.Agent({ ...kept, ...secureOptions(tls) }) : new http.Agent(kept);
  const send = isSecure ? https.request : http.request;
  // A URL's IPv6 host has brackets, a socket's has none.
  const target = { agent, hostname: origin.hostname.replace(/^\[|\]$/g, ""), port: origin.port, timeout: silenceMsMax };

  return {
    request: ({ body, signal, ...head }) =>
      new Promise((resolve, reject) => {
        const request = send({ ...target, ...head, ...(signal !== undefined && { signal }) }, resolve);
        // A connection that was kept has the timeout of idle ones.
        request.on("socket", (socket) => socket.setTimeout(silenceMsMax));
        request.on("timeout", () => request.destroy(new Error(`the server was silent for ${silenceMsMax} ms`)));
        // What fails once the answer has begun, its reader is told: this reject then does nothing.
        request.on("error", reject);
        request.end(body);
      }),
    destroy: () => agent.destroy(),
  };
}

/** The certificates are parsed here, once: for each connection anew, that takes longer than the rest of its handshake. */
function secureOptions({ servername, rejectUnauthorized, ...certificates }: TlsOptions): object {
  return {
    secureContext: createSecureContext(certificates),
    ...(servername !== undefined && { servername }),
    ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
  };
}
