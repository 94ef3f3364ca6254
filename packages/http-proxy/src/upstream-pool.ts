import type { ProxyLimits } from "./limits.ts";
import { UpstreamConnection, type UpstreamAddress, type UpstreamUser } from "./upstream-connection.ts";

interface AddressPool extends UpstreamAddress {
  /** Oldest first: the newest, at the end, is the most likely to be still alive. */
  readonly idle: UpstreamConnection[];
  readonly all: Set<UpstreamConnection>;
}

const scratchBytes = 64 * 1024;

/** The connections to all addresses, idle and in use. */
export class UpstreamPool {
  readonly scratch: Buffer = Buffer.allocUnsafeSlow(scratchBytes);
  readonly #pools = new Map<string, AddressPool>();
  readonly #limits: ProxyLimits;
  /** Connections of all addresses. */
  size = 0;

  constructor(limits: ProxyLimits) {
    this.#limits = limits;
  }

  /** The newest idle connection to an address, unless it has been idle for longer than `idleMsMax`. */
  takeIdle(address: string, nowMs: number, idleMsMax: number): UpstreamConnection | undefined {
    const pool = this.#pools.get(address);
    const newest = pool?.idle.at(-1);
    if (pool === undefined || newest === undefined) return undefined;
    // The others have been idle for longer still.
    if (nowMs - newest.idleSinceMs > Math.min(idleMsMax, newest.idleMsMax)) return undefined;
    pool.idle.pop();
    newest.isReused = true;
    return newest;
  }

  /** Begins to connect. @throws TypeError for an address that is not `ip:port`. */
  open(address: string, user: UpstreamUser): UpstreamConnection {
    let pool = this.#pools.get(address);
    if (pool === undefined) {
      pool = { address, ...parseAddress(address), idle: [], all: new Set() };
      this.#pools.set(address, pool);
    }
    const connection = new UpstreamConnection(pool, user, this);
    pool.all.add(connection);
    this.size++;
    return connection;
  }

  /** Takes a connection back for reuse. @param keepAliveMs what the container announced, or -1 */
  giveBack(connection: UpstreamConnection, nowMs: number, keepAliveMs: number): void {
    const pool = this.#pools.get(connection.address.address);
    connection.user = undefined;
    connection.idleSinceMs = nowMs;
    const { upstreamIdleMax, upstreamIdleMsMax } = this.#limits;
    connection.idleMsMax = keepAliveMs < 0 ? upstreamIdleMsMax : Math.min(upstreamIdleMsMax, keepAliveMs / 2);
    if (pool === undefined || pool.idle.length >= upstreamIdleMax || connection.idleMsMax === 0) connection.close();
    else pool.idle.push(connection);
  }

  spoiled(connection: UpstreamConnection): void {
    connection.close();
  }

  gone(connection: UpstreamConnection): void {
    const pool = this.#pools.get(connection.address.address);
    if (pool === undefined || !pool.all.delete(connection)) return;
    this.size--;
    const at = pool.idle.indexOf(connection);
    if (at >= 0) pool.idle.splice(at, 1);
    if (pool.all.size === 0) this.#pools.delete(pool.address);
  }

  /** The users of all connections to an address; its idle ones are closed. */
  usersOf(address: string): UpstreamUser[] {
    const pool = this.#pools.get(address);
    if (pool === undefined) return [];
    closeAll(pool.idle);
    return [...pool.all].flatMap(({ user }) => (user === undefined ? [] : [user]));
  }

  /** Closes what has been idle for too long. */
  sweep(nowMs: number): void {
    for (const { idle } of this.#pools.values()) {
      for (const connection of idle.filter(({ idleSinceMs, idleMsMax }) => nowMs - idleSinceMs > idleMsMax))
        connection.close();
    }
  }

  closeIdle(): void {
    for (const { idle } of this.#pools.values()) closeAll(idle);
  }
}

/** Each takes itself out of the list. */
function closeAll(idle: readonly UpstreamConnection[]): void {
  for (let last = idle.at(-1); last !== undefined; last = idle.at(-1)) last.close();
}

function parseAddress(address: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^[\]:]+)):(\d{1,5})$/i.exec(address);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || port === 0 || port > 65535)
    throw new TypeError(`invalid address ${JSON.stringify(address)}: want ip:port`);
  return { host, port };
}
