import { createRequire } from "node:module";
import type { Dispatcher, Pool } from "undici";

// undici's entry point loads all of it: fetch, caches, mocks, proxies, WebSocket. That costs each process 100 ms of
// processor time and 19 MB; the two parts used here cost half and a third of it (measured). The version is pinned exactly
// and http-kube-client.test.ts drives both parts over real sockets, so an upgrade that moves them fails there.
const require = createRequire(import.meta.url);

const PoolClass = require("undici/lib/dispatcher/pool.js") as typeof Pool;
const requestOf = require("undici/lib/api/api-request.js") as (
  this: Pool,
  options: Dispatcher.RequestOptions,
) => Promise<Dispatcher.ResponseData>;

/** A pool of connections to one origin, and requests over it. */
export interface HttpPool {
  request(options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData>;
  /** Ends all connections at once. */
  destroy(): Promise<void>;
}

/** Opens an undici Pool. */
export function openHttpPool(origin: string, options: Pool.Options): HttpPool {
  const pool = new PoolClass(origin, options);
  return {
    request: (requestOptions) => requestOf.call(pool, requestOptions),
    destroy: () => pool.destroy(),
  };
}
