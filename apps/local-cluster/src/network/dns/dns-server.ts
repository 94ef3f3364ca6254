import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import {
  type DnsAnswer,
  DnsFormatError,
  type DnsQuery,
  encodeAnswer,
  encodeFormatError,
  parseQuery,
  responseCodes,
} from "./message.ts";
import type { Question } from "./resolve-name.ts";

export interface DnsServerOptions {
  readonly host: string;
  readonly port: number;
  readonly resolve: (question: Question) => DnsAnswer | Promise<DnsAnswer>;
  /** 0 ≤ x < 1, to send clients that take the first address to different ones. */
  readonly random?: () => number;
  readonly reportError: (message: string, error: unknown) => void;
}

const CONNECTIONS_MAX = 100;
const CONNECTION_IDLE_MS = 10_000;
/** Questions that came over UDP and wait for somebody else's answer; more are dropped, and their clients ask again. */
const WAITING_MAX = 500;
const TCP_BYTES_MAX = 65_535;
/** A query is a name and a few options. */
const QUERY_BYTES_MAX = 1_024;

/** Answers questions over UDP and TCP. Few ever wait: those about names outside of the cluster. @throws Error when it cannot listen. */
export async function openDnsServer(options: DnsServerOptions): Promise<{ port: number; close(): Promise<void> }> {
  const { host, port, reportError } = options;
  const tcp = createServer((socket) => serveConnection(socket, options));
  tcp.maxConnections = CONNECTIONS_MAX;
  tcp.listen(port, host);
  await once(tcp, "listening");
  const bound = portOf(tcp);
  const udp = createSocket("udp4");
  let waiting = 0;
  udp.on("message", (message, peer) => {
    if (waiting >= WAITING_MAX) return;
    waiting += 1;
    answerMessage(message, options, (query) => query.udpBytesMax)
      .then((answer) => {
        waiting -= 1;
        // A client that is gone by now is no loss.
        if (answer !== undefined && !isClosed) udp.send(answer, peer.port, peer.address, () => undefined);
      })
      .catch((error: unknown) => reportError("Failed to answer a DNS query", error));
  });
  let isClosed = false;
  udp.bind(bound, host);
  await once(udp, "listening");
  for (const server of [tcp, udp]) {
    server.on("error", (error: Error) => {
      reportError("The DNS server failed", error);
    });
  }
  return {
    port: bound,
    close() {
      isClosed = true;
      return close(tcp, udp);
    },
  };
}

async function close(tcp: Server, udp: UdpSocket): Promise<void> {
  tcp.close();
  udp.close();
  await once(udp, "close");
}

/** The bytes to send back; undefined for what must not be answered. */
async function answerMessage(
  message: Buffer,
  { resolve, random = Math.random, reportError }: DnsServerOptions,
  bytesMaxOf: (query: DnsQuery) => number,
): Promise<Buffer | undefined> {
  try {
    if (message.length > QUERY_BYTES_MAX) throw new DnsFormatError("too long", message.readUInt16BE(0));
    const query = parseQuery(message);
    return encodeAnswer(query, rotate(await decideAnswer(query, resolve), random), bytesMaxOf(query));
  } catch (error) {
    if (!(error instanceof DnsFormatError)) reportError("Failed to answer a DNS query", error);
    else if (error.id !== undefined) return encodeFormatError(error.id);
    return undefined;
  }
}

function decideAnswer(query: DnsQuery, resolve: DnsServerOptions["resolve"]): DnsAnswer | Promise<DnsAnswer> {
  if (query.opcode !== 0) return { code: responseCodes.notImplemented, answers: [] };
  if (!query.isInternet) return { code: responseCodes.refused, answers: [] };
  return resolve(query);
}

function rotate(answer: DnsAnswer, random: () => number): DnsAnswer {
  // A CNAME comes before what it leads to.
  if (answer.answers.length < 2 || answer.answers.some(({ type }) => type === "CNAME")) return answer;
  const first = Math.floor(random() * answer.answers.length);
  return { ...answer, answers: [...answer.answers.slice(first), ...answer.answers.slice(0, first)] };
}

/** Over TCP each message has its length in front, and several may follow each other. */
function serveConnection(socket: Socket, options: DnsServerOptions): void {
  socket.setTimeout(CONNECTION_IDLE_MS, () => socket.destroy());
  answerInTurn(socket, options)
    .catch(() => undefined)
    // Broken off, cut off by us, or at its end: no more will come.
    .finally(() => socket.destroySoon());
}

async function answerInTurn(socket: Socket, options: DnsServerOptions): Promise<void> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let message = firstOf(rest); message !== undefined; message = firstOf(rest)) {
      rest = rest.subarray(2 + message.length);
      const answer = await answerMessage(message, options, () => TCP_BYTES_MAX);
      // Whoever asks on and on without reading the answers is cut off.
      if (answer === undefined || socket.writableNeedDrain) return;
      const prefix = Buffer.alloc(2);
      prefix.writeUInt16BE(answer.length);
      socket.write(Buffer.concat([prefix, answer]));
    }
  }
}

/** The first whole message; undefined when more must come. @throws DnsFormatError when no query is so long. */
function firstOf(bytes: Buffer): Buffer | undefined {
  if (bytes.length < 2) return undefined;
  const length = bytes.readUInt16BE(0);
  if (length > QUERY_BYTES_MAX) throw new DnsFormatError("too long");
  return bytes.length < 2 + length ? undefined : bytes.subarray(2, 2 + length);
}

function portOf(server: Server): number {
  const address = server.address();
  return address !== null && typeof address === "object" ? address.port : 0;
}
