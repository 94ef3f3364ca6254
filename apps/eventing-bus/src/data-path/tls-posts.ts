// Posts over TLS by undici, which is loaded with the first of them.
import type { SecureContext } from "node:tls";
import type { Clock } from "@kelvin/bus";
import type { PostAnswer } from "@kelvin/http-proxy";
import type { Dispatcher, Pool } from "undici";
import { lookupAllowed } from "./forbidden-address.ts";

/** What TLS posts are bounded by; see `HttpSenderOptions`. */
export interface TlsPostOptions {
  readonly connectionsMax: number;
  readonly originsMax: number;
  readonly answerBytesMax: number;
  readonly connectMsMax: number;
  readonly idleMsMax: number;
  readonly clock: Clock;
}

/** One POST over TLS. */
export interface TlsPost {
  readonly origin: string;
  readonly path: string;
  /** PEM certificates that the server's may be signed by, besides the system's. */
  readonly caCertificates?: string;
  readonly headers: string[];
  readonly body: Buffer;
  readonly timeoutMs: number;
}

/** Posts over kept connections, one pool a server and its certificates. */
export interface TlsPosts {
  /** Rejects with an Error that says why there is no answer. */
  post(request: TlsPost): Promise<PostAnswer>;
  close(): Promise<void>;
}

/** @see TlsPosts */
export function openTlsPosts(options: TlsPostOptions): TlsPosts {
  const pools = new Map<string, Pool>();
  const poolOf = async (origin: string, caCertificates: string | undefined): Promise<Pool> => {
    const [{ Pool: PoolClass }, tls] = await Promise.all([import("undici"), import("node:tls")]);
    const key = `${origin} ${caCertificates ?? ""}`;
    const pool = pools.get(key) ?? new PoolClass(origin, poolOptions(secureContextOf(caCertificates, tls), options));
    // Last in the map is the one used last.
    pools.delete(key);
    pools.set(key, pool);
    if (pools.size > options.originsMax) evictOldest(pools);
    return pool;
  };
  return {
    async post(request) {
      const pool = await poolOf(request.origin, request.caCertificates);
      const deadline = new AbortController();
      const cancel = options.clock.setTimer(() => {
        deadline.abort(new Error(`no answer within ${request.timeoutMs} ms`));
      }, request.timeoutMs);
      try {
        const { path, headers, body, origin } = request;
        const { signal } = deadline;
        const answer = await pool.request({
          method: "POST",
          origin,
          path,
          headers,
          body,
          signal,
          responseHeaders: "raw",
        });
        const read = await readUpTo(answer.body, options.answerBytesMax);
        return { status: answer.statusCode, headers: readRawHeaders(answer.headers), body: read };
      } catch (error) {
        throw deadline.signal.aborted ? deadline.signal.reason : error;
      } finally {
        cancel();
      }
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
      pools.clear();
    },
  };
}

/** Made once for all connections to a subscriber: it is much work. A list of one's own stands in place of the system's. */
function secureContextOf(ca: string | undefined, tls: typeof import("node:tls")): SecureContext | undefined {
  return ca === undefined ? undefined : tls.createSecureContext({ ca: [...tls.getCACertificates("default"), ca] });
}

function poolOptions(secureContext: SecureContext | undefined, options: TlsPostOptions): Pool.Options {
  return {
    connections: options.connectionsMax,
    pipelining: 1,
    // The attempt has a deadline of its own; these would end long ones that are allowed.
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: options.idleMsMax,
    connect: {
      timeout: options.connectMsMax,
      lookup: lookupAllowed,
      ...(secureContext === undefined ? {} : { secureContext }),
    },
  };
}

function evictOldest(pools: Map<string, Pool>): void {
  const [key, pool] = pools.entries().next().value ?? [];
  if (key === undefined || pool === undefined) return;
  pools.delete(key);
  // Requests that run end well; nobody waits for it.
  pool.close().catch(() => undefined);
}

/** With `responseHeaders: "raw"` they are a list of buffers: name, value, name, value. */
function readRawHeaders(headers: unknown): string[] {
  if (!Array.isArray(headers)) return [];
  return headers.map((part: unknown) => (Buffer.isBuffer(part) ? part.toString("latin1") : String(part)));
}

/** The body up to a bound; of a longer one the beginning, and its connection is given up. */
async function readUpTo(body: Dispatcher.ResponseData["body"], bytesMax: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of body as AsyncIterable<Buffer>) {
    parts.push(part);
    bytes += part.length;
    if (bytes > bytesMax) break;
  }
  return Buffer.concat(parts).subarray(0, bytesMax);
}
