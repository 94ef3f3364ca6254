// Posts whole messages to plain HTTP servers, with the proxy's own parsers: what comes back is read as strictly.
import type { LookupFunction } from "node:net";
import { faulty, incomplete } from "./fault.ts";
import { defaultLimits } from "./limits.ts";
import {
  UpstreamConnection,
  type UpstreamAddress,
  type UpstreamOwner,
  type UpstreamUser,
} from "./upstream-connection.ts";

/** One POST. */
export interface PostRequest {
  /** Where to; names are looked up for each connection. */
  readonly host: string;
  readonly port: number;
  /** The Host header. */
  readonly authority: string;
  /** Path and query. */
  readonly path: string;
  /**
   * Name, value, name, value; one character a byte. Host, lengths and what belongs to a connection are the client's own
   * and left out of it.
   */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** What was answered. */
export interface PostAnswer {
  readonly status: number;
  /** Name, value, name, value, as they came. */
  readonly headers: string[];
  /** The body, or its beginning when it is larger than `answerBytesMax`. */
  readonly body: Buffer;
}

/** A POST on its way. */
export interface Posting {
  /** Rejects with an Error that says why there is no answer; nobody knows what the other side did. */
  readonly answer: Promise<PostAnswer>;
  /** Whether there is a connection yet. */
  readonly isConnected: boolean;
  /** Gives it up, with its connection. Without effect once it is answered. */
  abort(reason: string): void;
}

/** @see openPostClient */
export interface PostClientOptions {
  /** Connections to all servers together; a POST that would need one more fails. */
  readonly connectionsMax: number;
  /** Bytes of an answer's body that are read; of a longer one the beginning is, and the connection is given up. */
  readonly answerBytesMax: number;
  /** How long a connection may be idle and used again; half of what the server's `Keep-Alive` says, if that is less. */
  readonly idleMsMax: number;
  /** Looks up names, and may refuse addresses. */
  readonly lookup?: LookupFunction;
}

/** Posts over kept connections, one request at a time on each. */
export interface PostClient {
  post(request: PostRequest): Posting;
  /** Closes all connections; what is on its way fails. */
  close(): void;
}

const interimMax = 10;
const sweepMs = 1_000;
/** Below this a head and a body are copied into one piece: one write is cheaper than two. */
const joinedBytesMax = 16 * 1024;
const scratchBytes = 64 * 1024;
const notSent = new Set(
  "host connection keep-alive proxy-connection transfer-encoding content-length upgrade te expect trailer".split(" "),
);
const invalidName = /[^!#$%&'*+\-.^_`|~0-9A-Za-z]/;
/** Everything but HTAB, printable ASCII and what is beyond it. */
// oxlint-disable-next-line no-control-regex -- control bytes are what it is about
const invalidValue = /[^\t\x20-\x7e\x80-\xff]/;
const invalidTarget = /[^\x21-\x7e\x80-\xff]/;

/** Opens nothing yet: connections are made as they are needed, and closed when they have been idle. */
export function openPostClient(options: PostClientOptions): PostClient {
  return new Connections(options);
}

class Connections implements PostClient, UpstreamOwner {
  readonly scratch: Buffer = Buffer.allocUnsafeSlow(scratchBytes);
  readonly options: PostClientOptions;
  readonly #idle = new Map<string, UpstreamConnection[]>();
  readonly #all = new Set<UpstreamConnection>();
  #isClosed = false;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: PostClientOptions) {
    this.options = options;
  }

  post(request: PostRequest): Posting {
    const post = new Post(request, this);
    const { host, port } = request;
    const key = `${host}:${port}`;
    const idle = this.#takeIdle(key);
    if (idle !== undefined) {
      post.send(idle);
    } else if (this.#isClosed) {
      post.upstreamReset();
    } else if (this.#all.size >= this.options.connectionsMax) {
      post.fail(`${this.#all.size} connections are open already`);
    } else {
      const { lookup } = this.options;
      const address: UpstreamAddress = { address: key, host, port, ...(lookup === undefined ? {} : { lookup }) };
      const connection = new UpstreamConnection(address, post, this);
      this.#all.add(connection);
      post.connect(connection);
    }
    return post;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#sweeper);
    for (const connection of this.#all) {
      const { user } = connection;
      connection.reset();
      user?.upstreamReset();
    }
  }

  giveBack(connection: UpstreamConnection): void {
    const { keepAliveMs } = connection.head;
    const { idleMsMax } = this.options;
    connection.user = undefined;
    connection.isReused = true;
    connection.idleSinceMs = performance.now();
    connection.idleMsMax = keepAliveMs < 0 ? idleMsMax : Math.min(idleMsMax, keepAliveMs / 2);
    const idle = this.#idle.get(connection.address.address);
    if (idle === undefined) this.#idle.set(connection.address.address, [connection]);
    else idle.push(connection);
    this.#sweeper ??= setTimeout(() => this.#sweep(), sweepMs).unref();
  }

  spoiled(connection: UpstreamConnection): void {
    connection.close();
  }

  gone(connection: UpstreamConnection): void {
    this.#all.delete(connection);
    const { address } = connection.address;
    const idle = this.#idle.get(address);
    const at = idle?.indexOf(connection) ?? -1;
    if (at >= 0) idle?.splice(at, 1);
    if (idle?.length === 0) this.#idle.delete(address);
  }

  /** The newest, which is the most likely to be still alive. */
  #takeIdle(key: string): UpstreamConnection | undefined {
    const idle = this.#idle.get(key);
    const newest = idle?.at(-1);
    if (newest === undefined || performance.now() - newest.idleSinceMs > newest.idleMsMax) return undefined;
    idle?.pop();
    return newest;
  }

  #sweep(): void {
    this.#sweeper = undefined;
    const nowMs = performance.now();
    for (const idle of this.#idle.values()) {
      for (const one of idle.filter(({ idleSinceMs, idleMsMax }) => nowMs - idleSinceMs > idleMsMax)) one.close();
    }
    if (this.#idle.size > 0) this.#sweeper = setTimeout(() => this.#sweep(), sweepMs).unref();
  }
}

interface Settle {
  readonly resolve: (answer: PostAnswer) => void;
  readonly reject: (error: Error) => void;
}

class Post implements Posting, UpstreamUser {
  readonly answer: Promise<PostAnswer>;
  readonly #request: PostRequest;
  readonly #owner: Connections;
  /** Undefined once it is over. */
  #settle: Settle | undefined;
  #connection: UpstreamConnection | undefined;
  #isSent = false;
  #interimCount = 0;
  #headers: string[] = [];
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(request: PostRequest, owner: Connections) {
    this.#request = request;
    this.#owner = owner;
    const { promise, resolve, reject } = Promise.withResolvers<PostAnswer>();
    this.answer = promise;
    this.#settle = { resolve, reject };
  }

  get isConnected(): boolean {
    return this.#isSent;
  }

  connect(connection: UpstreamConnection): void {
    this.#connection = connection;
  }

  send(connection: UpstreamConnection): void {
    this.#connection = connection;
    this.#isSent = true;
    connection.begin(this);
    const { body } = this.#request;
    const head = encodeHead(this.#request);
    if (head === undefined) return this.fail("a header or the path holds what HTTP does not allow");
    if (body.length > joinedBytesMax) return connection.writeBoth(Buffer.from(head, "latin1"), body);
    const message = Buffer.allocUnsafe(head.length + body.length);
    message.write(head, 0, "latin1");
    body.copy(message, head.length);
    connection.write(message);
  }

  abort(reason: string): void {
    this.fail(reason);
  }

  /** Ends it without an answer. */
  fail(reason: string): void {
    const settle = this.#end();
    // Its connection may be another's by now.
    if (settle === undefined) return;
    this.#connection?.reset();
    settle.reject(new Error(reason));
  }

  upstreamConnected(): void {
    if (this.#connection !== undefined) this.send(this.#connection);
  }

  upstreamConnectFailed(code: string): void {
    this.fail(`no connection to ${this.#request.host}:${this.#request.port}: ${code}`);
  }

  upstreamRead(bytes: Buffer): void {
    const connection = this.#connection;
    if (connection === undefined || this.#settle === undefined) return;
    if (connection.isHeadDone) this.#readBody(connection, bytes, 0);
    else this.#readHead(connection, bytes);
  }

  upstreamDrained(): void {
    // The body is in memory anyway: what is not written yet waits in the socket.
  }

  upstreamEnded(): void {
    const connection = this.#connection;
    if (connection?.isHeadDone === true && connection.body.endOfConnection()) this.#done(connection, false);
    else this.fail("the connection ended before the answer did");
  }

  upstreamClosed(): void {
    this.upstreamEnded();
  }

  upstreamReset(): void {
    this.fail("the client was closed");
  }

  #readHead(connection: UpstreamConnection, bytes: Buffer): void {
    const { head } = connection;
    let rest = connection.partialHead === undefined ? bytes : Buffer.concat([connection.partialHead, bytes]);
    connection.partialHead = undefined;
    for (;;) {
      const headEnd = head.scan(rest, defaultLimits);
      if (headEnd === faulty) return this.fail(`not an HTTP answer: ${head.fault.reason}`);
      if (headEnd === incomplete) {
        // The bytes are another's after this call.
        connection.partialHead = Buffer.from(rest);
        return;
      }
      if (!head.isInterim) {
        this.#beginBody(connection);
        this.#readBody(connection, rest, headEnd);
        return;
      }
      this.#interimCount += 1;
      if (head.status === 101 || this.#interimCount > interimMax) return this.fail("not an answer to a POST");
      rest = rest.subarray(headEnd);
      head.reset();
      if (rest.length === 0) return;
    }
  }

  #beginBody({ head, body }: UpstreamConnection): void {
    const { isChunked, contentLength } = head.fields;
    if (head.status === 204 || head.status === 304) body.beginNone();
    else if (isChunked) body.beginChunked(true);
    else if (contentLength >= 0) body.beginLength(contentLength);
    else body.beginUntilClose();
    this.#headers = head.fields.all();
  }

  #readBody(connection: UpstreamConnection, bytes: Buffer, from: number): void {
    const { body } = connection;
    connection.isHeadDone = true;
    const end = body.advance(bytes, from);
    if (end === faulty) return this.fail(`not an HTTP answer: ${body.fault?.reason ?? "malformed"}`);
    for (let index = 0; index < body.spanCount * 2; index += 2) {
      this.#keep(bytes.subarray(body.spans[index], body.spans[index + 1]));
    }
    if (body.isDone) this.#done(connection, end === bytes.length);
    else if (this.#bytes >= this.#owner.options.answerBytesMax) this.#done(connection, false);
  }

  /** Copies: the bytes are another's after this call. */
  #keep(part: Buffer): void {
    const room = this.#owner.options.answerBytesMax - this.#bytes;
    if (room <= 0 || part.length === 0) return;
    const kept = Buffer.from(part.subarray(0, room));
    this.#parts.push(kept);
    this.#bytes += kept.length;
  }

  /** @param isClean whether nothing came behind the answer, so that its connection can be trusted with another. */
  #done(connection: UpstreamConnection, isClean: boolean): void {
    const settle = this.#end();
    const { head, hasEnded, isFlushed } = connection;
    const { status } = head;
    if (isClean && head.keepsAlive && !hasEnded && isFlushed) this.#owner.giveBack(connection);
    else connection.close();
    const [first = noBytes] = this.#parts;
    const body = this.#parts.length > 1 ? Buffer.concat(this.#parts) : first;
    settle?.resolve({ status, headers: this.#headers, body });
  }

  #end(): Settle | undefined {
    const settle = this.#settle;
    this.#settle = undefined;
    return settle;
  }
}

const noBytes = Buffer.alloc(0);

/** The head, one character a byte; undefined when it would not be one. */
function encodeHead({ authority, path, headers, body }: PostRequest): string | undefined {
  if (invalidTarget.test(path) || invalidTarget.test(authority)) return undefined;
  let head = `POST ${path} HTTP/1.1\r\nHost: ${authority}\r\n`;
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? "";
    const value = headers[index + 1] ?? "";
    if (name === "" || invalidName.test(name) || invalidValue.test(value)) return undefined;
    if (!notSent.has(name) && !notSent.has(name.toLowerCase())) head += `${name}: ${value}\r\n`;
  }
  return `${head}content-length: ${body.length}\r\n\r\n`;
}
