import type { Agent, IncomingHttpHeaders, IncomingMessage, RequestOptions } from "node:http";
import type { LookupFunction } from "node:net";
import { isNativeError } from "node:util/types";
import { pipeline, Readable } from "node:stream";
import { OciError } from "./errors.ts";

// Not imported: an ES import of node:http evaluates its lazy exports, a WebSocket client among them (45 ms and 14 MB).
const http = process.getBuiltinModule("node:http");
const https = process.getBuiltinModule("node:https");
const dns = process.getBuiltinModule("node:dns");

/** One request as it goes over the wire. */
export interface ExchangeRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** A stream needs a content-length header. */
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
}

/** An answer whose body is still to be read, or thrown away with `discard`. */
export interface Exchange {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: AsyncIterable<Uint8Array>;
  /** Reads a small body whole. @throws OciError `Refused` when it is longer. */
  read(bytesMax: number): Promise<Buffer>;
  /** Gives the connection back (or up, when much would have to be read for that). */
  discard(): void;
}

/** Connections to registries, kept alive between requests. */
export interface ExchangePort {
  /** @throws OciError `Unavailable` when no answer comes; the signal's reason when it aborts. */
  send(request: ExchangeRequest): Promise<Exchange>;
  close(): void;
}

/** How connections are made. */
export interface ExchangePortOptions {
  /** How long nothing may happen on a connection, in milliseconds. */
  readonly idleMsMax: number;
  /** Certificates in PEM to trust beside the built-in ones. */
  readonly ca?: string;
}

/** Opens connections with Node's own client. */
export function openExchangePort({ idleMsMax, ca }: ExchangePortOptions): ExchangePort {
  const pool = { keepAlive: true, maxSockets: 16, timeout: idleMsMax };
  const plain = new http.Agent(pool);
  const tls = new https.Agent({ ...pool, ...(ca === undefined ? {} : { ca: withBuiltIn(ca) }) });
  return {
    async send(request) {
      const isTls = request.url.protocol === "https:";
      try {
        const answer = await start(request, { agent: isTls ? tls : plain, idleMsMax });
        return makeExchange(answer, request);
      } catch (error) {
        request.signal.throwIfAborted();
        throw unavailable(request.url, error);
      }
    },
    close() {
      plain.destroy();
      tls.destroy();
    },
  };
}

function withBuiltIn(ca: string): string[] {
  return [...process.getBuiltinModule("node:tls").rootCertificates, ca];
}

interface Connection {
  readonly agent: Agent;
  readonly idleMsMax: number;
}

function start(request: ExchangeRequest, { agent, idleMsMax }: Connection): Promise<IncomingMessage> {
  const { url, method, headers, body, signal } = request;
  const options: RequestOptions = { method, headers, agent, signal, lookup: lookUp };
  return new Promise((resolve, reject) => {
    const outgoing = (url.protocol === "https:" ? https : http).request(url, options, (answer) => {
      // An answer before the body's end is a refusal: nobody reads the rest.
      answer.once("close", () => outgoing.destroy());
      resolve(answer);
    });
    outgoing.on("error", reject);
    outgoing.setTimeout(idleMsMax, () =>
      outgoing.destroy(new OciError("Unavailable", `nothing came for ${idleMsMax / 1000} s`)),
    );
    if (body === undefined || body instanceof Uint8Array) outgoing.end(body);
    else pipeline(Readable.from(body, { objectMode: false }), outgoing, (error) => (error ? reject(error) : undefined));
  });
}

/** Names below `localhost` are this machine, though few systems' resolvers say so. */
const lookUp: LookupFunction = (hostname, options, callback) => {
  dns.lookup(hostname, options, (error, address, family) => {
    if (error === null || !/\.localhost$/i.test(hostname)) callback(error, address, family);
    else if (options.all === true) callback(null, [{ address: "127.0.0.1", family: 4 }]);
    else callback(null, "127.0.0.1", 4);
  });
};

function makeExchange(answer: IncomingMessage, { url, signal }: ExchangeRequest): Exchange {
  const body = translated(answer, { url, signal });
  return {
    status: answer.statusCode ?? 0,
    headers: answer.headers,
    body,
    async read(bytesMax) {
      const chunks: Uint8Array[] = [];
      let bytes = 0;
      for await (const chunk of body) {
        bytes += chunk.length;
        if (bytes > bytesMax) throw new OciError("Refused", `${url.href}: the answer is longer than ${bytesMax} bytes`);
        chunks.push(chunk);
      }
      return Buffer.concat(chunks);
    },
    discard() {
      answer.on("error", () => {
        // Nobody wants this body: how it ends is no matter.
      });
      if (Number(answer.headers["content-length"] ?? 0) > 65_536) answer.destroy();
      else answer.resume();
    },
  };
}

async function* translated(
  answer: IncomingMessage,
  { url, signal }: Pick<ExchangeRequest, "url" | "signal">,
): AsyncGenerator<Uint8Array, void> {
  try {
    yield* answer as AsyncIterable<Uint8Array>;
  } catch (error) {
    signal.throwIfAborted();
    throw unavailable(url, error);
  }
}

function unavailable(url: URL, error: unknown): OciError {
  if (error instanceof OciError && error.code !== "Unavailable") return error;
  const { code, message }: NodeJS.ErrnoException = isNativeError(error) ? error : new Error(String(error));
  const hint = code === "EPROTO" || code === "ERR_SSL_WRONG_VERSION_NUMBER" ? "; does it speak plain http?" : "";
  return new OciError("Unavailable", `${url.host} cannot be reached: ${message === "" ? code : message}${hint}`, {
    cause: error,
  });
}
