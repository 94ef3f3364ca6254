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
  readonly resolve: (question: Question) => DnsAnswer;
  /** 0 ≤ x < 1, to send clients that take the first address to different ones. */
  readonly random?: () => number;
  readonly reportError: (message: string, error: unknown) => void;
}

const CONNECTIONS_MAX = 100;
const CONNECTION_IDLE_MS = 5_000;
const TCP_BYTES_MAX = 65_535;
/** A query is a name and a few options. */
const QUERY_BYTES_MAX = 1_024;

/** Answers questions over UDP and TCP. Each is answered at once, so nothing ever queues. @throws Error when it cannot listen. */
export async function openDnsServer(options: DnsServerOptions): Promise<{ port: number; close(): Promise<void> }> {
  const { host, port, reportError } = options;
  const tcp = createServer((socket) => serveConnection(socket, options));
  tcp.maxConnections = CONNECTIONS_MAX;
  tcp.listen(port, host);
  await once(tcp, "listening");
  const bound = portOf(tcp);
  const udp = createSocket("udp4");
  udp.on("message", (message, peer) => {
    const answer = answerMessage(message, options, (query) => query.udpBytesMax);
    // A client that is gone by now is no loss.
    if (answer !== undefined) udp.send(answer, peer.port, peer.address, () => undefined);
  });
  udp.bind(bound, host);
  await once(udp, "listening");
  for (const server of [tcp, udp]) {
    server.on("error", (error: Error) => {
      reportError("The DNS server failed", error);
    });
  }
  return { port: bound, close: () => close(tcp, udp) };
}

async function close(tcp: Server, udp: UdpSocket): Promise<void> {
  tcp.close();
  udp.close();
  await once(udp, "close");
}

/** The bytes to send back; undefined for what must not be answered. */
function answerMessage(
  message: Buffer,
  { resolve, random = Math.random, reportError }: DnsServerOptions,
  bytesMaxOf: (query: DnsQuery) => number,
): Buffer | undefined {
  try {
    if (message.length > QUERY_BYTES_MAX) throw new DnsFormatError("too long", message.readUInt16BE(0));
    const query = parseQuery(message);
    return encodeAnswer(query, rotate(decideAnswer(query, resolve), random), bytesMaxOf(query));
  } catch (error) {
    if (!(error instanceof DnsFormatError)) reportError("Failed to answer a DNS query", error);
    else if (error.id !== undefined) return encodeFormatError(error.id);
    return undefined;
  }
}

function decideAnswer(query: DnsQuery, resolve: DnsServerOptions["resolve"]): DnsAnswer {
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
  let rest: Buffer = Buffer.alloc(0);
  socket.setTimeout(CONNECTION_IDLE_MS, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= 2) {
      const length = rest.readUInt16BE(0);
      if (length > QUERY_BYTES_MAX) {
        socket.destroy();
        return;
      }
      if (rest.length < 2 + length) return;
      const answer = answerMessage(rest.subarray(2, 2 + length), options, () => TCP_BYTES_MAX);
      rest = rest.subarray(2 + length);
      // Whoever asks on and on without reading the answers is cut off.
      if (answer === undefined || socket.writableNeedDrain) {
        socket.destroy();
        return;
      }
      const prefix = Buffer.alloc(2);
      prefix.writeUInt16BE(answer.length);
      socket.write(Buffer.concat([prefix, answer]));
    }
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return address !== null && typeof address === "object" ? address.port : 0;
}
