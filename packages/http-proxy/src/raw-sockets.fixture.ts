// Clients and containers for tests that speak bytes, not HTTP: only so can they misbehave.
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import type { Exchange } from "./exchange.ts";
import type { ProxyLimits } from "./limits.ts";
import { openProxyServer, type ProxyServer } from "./proxy-server.ts";

/** A socket whose input is collected, with ways to wait for it. */
export class RawSocket {
  readonly socket: Socket;
  input = "";
  hasEnded = false;
  error: string | undefined;
  isClosed = false;
  readonly #waiters = new Set<() => void>();

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.input += bytes.toString("latin1");
      this.#check();
    });
    socket.on("end", () => {
      this.hasEnded = true;
      this.#check();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      this.error = error.code ?? error.message;
    });
    socket.on("close", () => {
      this.isClosed = true;
      this.#check();
    });
  }

  send(text: string): void {
    this.socket.write(text, "latin1");
  }

  /** Resolves when the condition holds; checked when anything happens on the socket. */
  async until(condition: (raw: RawSocket) => boolean): Promise<void> {
    while (!condition(this)) {
      // oxlint-disable-next-line no-await-in-loop -- each turn waits for the next event
      await new Promise<void>((resolve) => this.#waiters.add(resolve));
    }
  }

  /** Resolves with everything received once `text` is in it. */
  async untilReceived(text: string): Promise<string> {
    await this.until(({ input, isClosed }) => input.includes(text) || isClosed);
    return this.input;
  }

  /** Resolves with everything received once the other side has ended or reset the connection. */
  async untilOver(): Promise<string> {
    await this.until(({ hasEnded, isClosed }) => hasEnded || isClosed);
    return this.input;
  }

  /** Takes what has been received so far. */
  take(): string {
    const { input } = this;
    this.input = "";
    return input;
  }

  #check(): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const resolve of waiters) resolve();
  }
}

/** Connects to a port of this machine. */
export function openRawClient(port: number): Promise<RawSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    socket.once("error", reject);
    socket.once("connect", () => resolve(new RawSocket(socket)));
  });
}

/** A container that does what the test says with each connection. */
export interface RawContainer {
  readonly address: string;
  readonly connections: RawSocket[];
  /** Resolves with connection `index` once it is there. */
  connection(index: number): Promise<RawSocket>;
  close(): Promise<void>;
}

/** Opens a container. @param onConnection called for each connection */
export function openRawContainer(
  onConnection: (raw: RawSocket, index: number) => void = () => {},
): Promise<RawContainer> {
  const connections: RawSocket[] = [];
  const waiters = new Set<() => void>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const raw = new RawSocket(socket);
    connections.push(raw);
    onConnection(raw, connections.length - 1);
    for (const resolve of waiters) resolve();
    waiters.clear();
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () =>
      resolve({
        address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
        connections,
        async connection(index) {
          for (;;) {
            const raw = connections[index];
            if (raw !== undefined) return raw;
            // oxlint-disable-next-line no-await-in-loop -- each turn waits for the next connection
            await new Promise<void>((next) => waiters.add(next));
          }
        },
        async close() {
          for (const { socket } of connections) socket.destroy();
          await new Promise<void>((closed) => server.close(() => closed()));
        },
      }),
    );
  });
}

/** A container that answers each request without a body. @param respond from the request's head and the count of requests */
export function openAnsweringContainer(respond: (head: string, count: number) => string): Promise<RawContainer> {
  let count = 0;
  return openRawContainer((raw) => {
    raw.socket.on("data", () => {
      for (let end = raw.input.indexOf("\r\n\r\n"); end >= 0; end = raw.input.indexOf("\r\n\r\n")) {
        const head = raw.input.slice(0, end + 4);
        raw.input = raw.input.slice(end + 4);
        raw.send(respond(head, count++));
      }
    });
  });
}

/** A whole response with a text. */
export function textResponse(text: string, fields = ""): string {
  return `HTTP/1.1 200 OK\r\n${fields}Content-Length: ${text.length}\r\n\r\n${text}`;
}

/** Opens proxies, containers and clients for a test, and closes them all behind it. */
export interface Rig {
  readonly containerOf: (opening: Promise<RawContainer>) => Promise<RawContainer>;
  readonly proxyOf: (
    onRequest: (exchange: Exchange) => void,
    limits?: Partial<ProxyLimits>,
  ) => Promise<{ proxy: ProxyServer; port: number }>;
  readonly clientOf: (port: number) => Promise<RawSocket>;
  readonly close: () => Promise<void>;
}

/** Opens a rig; `close` it after each test. */
export function openRig(): Rig {
  const closers: (() => Promise<void> | void)[] = [];
  return {
    async containerOf(opening) {
      const container = await opening;
      closers.push(() => container.close());
      return container;
    },
    async proxyOf(onRequest, limits = {}) {
      const listeners = [{ name: "http", port: 0, host: "127.0.0.1" }];
      const proxy = await openProxyServer({ listeners, onRequest, limits });
      closers.push(() => proxy.close());
      return { proxy, port: proxy.addresses["http"]?.port ?? 0 };
    },
    async clientOf(port) {
      const client = await openRawClient(port);
      closers.push(() => void client.socket.destroy());
      return client;
    },
    async close() {
      // oxlint-disable-next-line no-await-in-loop -- in the reverse order of opening
      for (const close of closers.splice(0).toReversed()) await close();
    },
  };
}
