import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Logger } from "pino";

// An ES import would evaluate node:http's lazy exports, a WebSocket client among them.
const { createServer } = process.getBuiltinModule("node:http");

/** Other clients' pools keep connections for less, so that none is closed under a request that is on its way. */
const KEPT_MS_MAX = 72_000;

/** What the front needs of the service. */
export interface FrontOptions {
  /** Whether the service can do its work; what it throws counts as no. */
  readonly ready: () => boolean | Promise<boolean>;
  readonly log: Logger;
  /** Gives what answers all but health. Loaded for the first such request: a fifth of a service's start goes into it. */
  readonly load: () => Promise<RequestListener>;
}

/** A server that answers /healthz and /readyz by itself. */
export interface Front {
  /** From `close` on. */
  readonly isDraining: boolean;
  /** Resolves with where it listens. @throws Error naming the port when it cannot be bound. */
  listen(host: string, port: number): Promise<AddressInfo>;
  /** No new connections; requests under way are answered, unless they take longer than `drainMsMax`. */
  close(drainMsMax: number): Promise<void>;
}

/** Makes the server; it does not listen yet. */
export function openFront({ ready, log, load }: FrontOptions): Front {
  let isDraining = false;
  const answers: Readonly<Record<string, (response: ServerResponse) => Promise<void>>> = {
    // That the process runs its event loop.
    "/healthz": async (response) => sendText(response, 200, "ok"),
    // That it can do its work.
    "/readyz": async (response) => {
      const isReady = !isDraining && (await askReady(ready, log));
      sendText(response, isReady ? 200 : 503, isReady ? "ok" : "not ready");
    },
  };
  const server = createServer((request, response) => {
    // A kept-alive connection whose request ends after the server was closed would otherwise hold it open for long.
    response.once("close", () => {
      if (isDraining) setImmediate(() => server.closeIdleConnections());
    });
    answer(request, response).catch((err: unknown) => {
      log.error({ err }, "Request failed");
      if (response.headersSent) response.destroy();
      else sendText(response, 500, "the request failed for a reason that is in the log");
    });
  });
  // Reports are streamed for as long as a service lives.
  server.requestTimeout = 0;
  server.keepAliveTimeout = KEPT_MS_MAX;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? "").split("?")[0] ?? "";
    const own = request.method === "GET" || request.method === "HEAD" ? answers[path] : undefined;
    if (own !== undefined) return own(response);
    const others = await load();
    others(request, response);
  }

  return {
    get isDraining() {
      return isDraining;
    },
    listen: (host, port) => listen(server, host, port),
    async close(drainMsMax) {
      isDraining = true;
      const cutOff = setTimeout(() => server.closeAllConnections(), drainMsMax);
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeIdleConnections();
      });
      clearTimeout(cutOff);
    },
  };
}

async function askReady(ready: FrontOptions["ready"], log: Logger): Promise<boolean> {
  try {
    return await ready();
  } catch (err) {
    log.warn({ err }, "Readiness check failed");
    return false;
  }
}

function sendText(response: ServerResponse, code: number, text: string): void {
  const headers = { "content-type": "text/plain; charset=utf-8", "content-length": Buffer.byteLength(text) };
  response.writeHead(code, headers).end(text);
}

function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve(server.address() as AddressInfo);
    });
  });
}
