import { request, type IncomingHttpHeaders } from "node:http";

/** One answer of a gateway. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly elapsedMs: number;
}

/** What to ask for. `host` is the name of the Service; the connection goes to the gateway's port on this machine. */
export interface HttpCall {
  readonly port: number;
  /** Where the gateway is (default: this machine). */
  readonly address?: string;
  readonly host: string;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs?: number;
  /** Destroys the connection after this long, as an impatient client does. */
  readonly hangUpAfterMs?: number;
}

/** Makes one request on a connection of its own. Rejects when there is no answer. */
export function call({
  port,
  address = "127.0.0.1",
  host,
  path = "/",
  method = "GET",
  headers = {},
  body,
  timeoutMs = 60_000,
  hangUpAfterMs,
}: HttpCall): Promise<HttpAnswer> {
  const startMs = performance.now();
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { port, host: address, path, method, agent: false, timeout: timeoutMs, headers: { ...headers, host } },
      (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.once("error", reject);
        response.once("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(parts).toString("utf8"),
            elapsedMs: performance.now() - startMs,
          }),
        );
      },
    );
    outgoing.once("timeout", () => outgoing.destroy(new Error(`no answer from ${host}${path} in ${timeoutMs} ms`)));
    outgoing.once("error", reject);
    if (hangUpAfterMs !== undefined) setTimeout(() => outgoing.destroy(new Error("hung up")), hangUpAfterMs);
    outgoing.end(body);
  });
}

/** Calls `probe` each 100 ms until it gives something; rejects with its last error after `timeoutMs`. */
export async function eventually<T>(
  probe: () => Promise<T | undefined | false>,
  timeoutMs = 30_000,
  what = "the condition",
): Promise<T> {
  const endMs = performance.now() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    try {
      const found = await probe();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > endMs) throw new Error(`${what} did not come within ${timeoutMs} ms`, { cause: lastError });
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
