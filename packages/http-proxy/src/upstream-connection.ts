import { connect, type LookupFunction, type Socket } from "node:net";
import { BodyFraming } from "./body-framing.ts";
import { ResponseHead } from "./response-head.ts";

/** Who uses a connection to a container: one exchange at a time. */
export interface UpstreamUser {
  upstreamConnected(): void;
  /** No connection came to be; nothing was sent. */
  upstreamConnectFailed(code: string): void;
  /** The bytes are valid during the call only. */
  upstreamRead(bytes: Buffer): void;
  upstreamDrained(): void;
  /** The container has said all it will say. */
  upstreamEnded(): void;
  /** The connection is gone. */
  upstreamClosed(): void;
  /** The address is known to be gone: the user gives the connection up. */
  upstreamReset(): void;
}

/** The pool's view of an address. */
export interface UpstreamAddress {
  readonly address: string;
  readonly host: string;
  readonly port: number;
  /** Looks up the host when it is a name; default: the system's way. */
  readonly lookup?: LookupFunction;
}

/** Who is told when a connection that nobody uses has become useless, and when any is gone. */
export interface UpstreamOwner {
  /** Where all connections read into: the loop reads one socket at a time, so one buffer serves them all. */
  readonly scratch: Buffer;
  spoiled(connection: UpstreamConnection): void;
  gone(connection: UpstreamConnection): void;
}

/** One connection to a container: connecting, in use by an exchange, or idle in its pool. */
export class UpstreamConnection {
  readonly address: UpstreamAddress;
  readonly head = new ResponseHead();
  readonly body = new BodyFraming();
  /** A response head that has not come whole. */
  partialHead: Buffer | undefined;
  /** Whether the response's head has come whole. */
  isHeadDone = false;
  /** Whether anything of a response has come since the request was sent. */
  hasAnswered = false;
  isReused = false;
  isConnected = false;
  isPaused = false;
  hasEnded = false;
  idleSinceMs = 0;
  idleMsMax = 0;
  user: UpstreamUser | undefined;
  readonly #owner: UpstreamOwner;
  readonly #socket: Socket;
  #isClosed = false;

  constructor(address: UpstreamAddress, user: UpstreamUser, owner: UpstreamOwner) {
    this.address = address;
    this.user = user;
    this.#owner = owner;
    this.#socket = connect({
      host: address.host,
      port: address.port,
      ...(address.lookup === undefined ? {} : { lookup: address.lookup }),
      noDelay: true,
      allowHalfOpen: true,
      onread: {
        buffer: owner.scratch,
        callback: (size, scratch) => {
          this.#read(Buffer.from(scratch.buffer, scratch.byteOffset, size));
          return true;
        },
      },
    });
    this.#socket.on("connect", () => this.#connected());
    this.#socket.on("drain", () => this.user?.upstreamDrained());
    this.#socket.on("end", () => this.#ended());
    this.#socket.on("error", (error: NodeJS.ErrnoException) => this.#lost(error.code ?? error.message));
    this.#socket.on("close", () => this.#lost("ECONNRESET"));
  }

  /** Makes it ready for the next request. */
  begin(user: UpstreamUser): void {
    this.user = user;
    this.head.reset();
    this.partialHead = undefined;
    this.isHeadDone = false;
    this.hasAnswered = false;
  }

  /** False when the caller should wait for `upstreamDrained` before it writes more. */
  write(bytes: Uint8Array): boolean {
    return this.#socket.write(bytes);
  }

  /** Writes a head and a large body as one, without copying the body. */
  writeBoth(head: Uint8Array, body: Uint8Array): void {
    this.#socket.cork();
    this.#socket.write(head);
    this.#socket.write(body);
    this.#socket.uncork();
  }

  /** Whether all that was written is with the kernel. */
  get isFlushed(): boolean {
    return this.#socket.writableLength === 0;
  }

  pause(): void {
    this.isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.#socket.resume();
  }

  /** Says that no more will be sent; goes on reading. */
  halfClose(): void {
    this.#socket.end();
  }

  /** Closes it; its user hears no more of it. */
  close(): void {
    this.user = undefined;
    this.#socket.destroy();
    this.#forget();
  }

  /** Resets it; its user hears no more of it. */
  reset(): void {
    this.user = undefined;
    if (this.isConnected) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
    this.#forget();
  }

  #connected(): void {
    this.isConnected = true;
    this.user?.upstreamConnected();
  }

  #read(bytes: Buffer): void {
    if (this.user !== undefined) {
      this.hasAnswered = true;
      this.user.upstreamRead(bytes);
    } else if (!this.#isClosed) {
      // Bytes that nobody asked for: whatever is asked next would be answered by them.
      this.#owner.spoiled(this);
    }
  }

  #ended(): void {
    this.hasEnded = true;
    if (this.user !== undefined) this.user.upstreamEnded();
    else if (!this.#isClosed) this.#owner.spoiled(this);
  }

  #lost(code: string): void {
    if (this.#isClosed) return;
    this.#forget();
    const { user } = this;
    this.user = undefined;
    if (user === undefined) return;
    if (this.isConnected) user.upstreamClosed();
    else user.upstreamConnectFailed(code);
  }

  #forget(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#owner.gone(this);
  }
}
