import { lookup as lookupName, type LookupAddress, type LookupOptions } from "node:dns";
import { isIP } from "node:net";
import type { Clock, Destination, Sender, SendOutcome, SendRequest } from "@kelvin/bus";
import { Pool, type Dispatcher } from "undici";
import { isForbiddenAddress } from "./forbidden-address.ts";

/** What a sender is bounded by. */
export interface HttpSenderOptions {
  /** Connections to one subscriber. */
  readonly connectionsMax: number;
  /** Subscribers with open connections; the one that was idle for longest makes room. */
  readonly originsMax: number;
  /** Bytes of an answer that are read: a reply that is larger counts as none that can be read. */
  readonly answerBytesMax: number;
  /** From the first try to an open connection. */
  readonly connectMsMax: number;
  readonly clock: Clock;
}

/** A sender that can be closed. */
export interface HttpSender extends Sender {
  close(): Promise<void>;
}

/**
 * Posts events over kept connections, one pool a subscriber. Redirects are answers like any other, nothing is repeated
 * here, and every answer is read to its end or its connection given up.
 */
export function openHttpSender(options: HttpSenderOptions): HttpSender {
  const pools = new Map<string, Pool>();

  const poolOf = (origin: string, { caCertificates }: Destination): Pool => {
    const key = `${origin} ${caCertificates ?? ""}`;
    const pool = pools.get(key) ?? openPool(origin, caCertificates, options);
    // Last in the map is the one used last.
    pools.delete(key);
    pools.set(key, pool);
    if (pools.size > options.originsMax) evictOldest(pools);
    return pool;
  };
  return {
    async send(request) {
      const { url } = request.destination;
      if (!URL.canParse(url)) return unanswered(`"${url}" is not a URL`);
      const { origin, protocol, hostname, pathname, search } = new URL(url);
      if (protocol !== "http:" && protocol !== "https:") return unanswered(`"${protocol}" is not http or https`);
      const address = hostname.replace(/^\[|\]$/g, "");
      if (isIP(address) !== 0 && isForbiddenAddress(address)) return unanswered(`${address} is not allowed`);
      return post(poolOf(origin, request.destination), { request, path: pathname + search }, options);
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
      pools.clear();
    },
  };
}

function openPool(origin: string, ca: string | undefined, options: HttpSenderOptions): Pool {
  return new Pool(origin, {
    connections: options.connectionsMax,
    pipelining: 1,
    // The attempt has a deadline of its own; these would end long ones that are allowed.
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: 4_000,
    connect: {
      timeout: options.connectMsMax,
      lookup: lookupAllowed,
      ...(ca === undefined ? {} : { ca }),
    },
  });
}

function evictOldest(pools: Map<string, Pool>): void {
  const [key, pool] = pools.entries().next().value ?? [];
  if (key === undefined || pool === undefined) return;
  pools.delete(key);
  // Requests that run end well; nobody waits for it.
  pool.close().catch(() => undefined);
}

type LookedUp = (error: Error | null, addresses: string | LookupAddress[], family?: number) => void;

/** A name may lead to a forbidden address too, and to another one than a moment ago. */
function lookupAllowed(hostname: string, options: LookupOptions, done: LookedUp): void {
  lookupName(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return done(error, []);
    const allowed = addresses.filter(({ address }) => !isForbiddenAddress(address));
    const [first] = allowed;
    if (first === undefined) return done(new Error(`${hostname} leads to an address that is not allowed`), []);
    if (options.all === true) done(null, allowed);
    else done(null, first.address, first.family);
  });
}

interface Post {
  readonly request: SendRequest;
  readonly path: string;
}

async function post(pool: Pool, { request, path }: Post, options: HttpSenderOptions): Promise<SendOutcome> {
  const deadline = new AbortController();
  const cancel = options.clock.setTimer(() => {
    deadline.abort(new Error(`no answer within ${request.timeoutMs} ms`));
  }, request.timeoutMs);
  try {
    const answer = await pool.request({
      method: "POST",
      path,
      headers: headersOf(request),
      body: request.message.body,
      signal: deadline.signal,
      responseHeaders: "raw",
    });
    const body = await readUpTo(answer.body, options.answerBytesMax);
    return { kind: "answered", status: answer.statusCode, headers: readRawHeaders(answer.headers), body };
  } catch (error) {
    return unanswered(reasonOf(deadline.signal.aborted ? deadline.signal.reason : error));
  } finally {
    cancel();
  }
}

function headersOf({ purpose, message }: SendRequest): string[] {
  return purpose === "deliver" ? [...message.headers, "prefer", "reply"] : message.headers;
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

function unanswered(reason: string): SendOutcome {
  return { kind: "unanswered", reason };
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return error.message === "" ? (code ?? error.name) : error.message;
}
