// The wire format of DNS (RFC 1035), as much as a server of our size needs: one question in, addresses out.

/** The record types that are answered with records; any other type gets an empty answer or NXDOMAIN. */
export const recordTypes = { a: 1, cname: 5, ptr: 12, opt: 41, aaaa: 28, srv: 33, any: 255 } as const;

export const responseCodes = {
  ok: 0,
  formatError: 1,
  serverFailure: 2,
  nameError: 3,
  notImplemented: 4,
  refused: 5,
} as const;

const CLASS_IN = 1;
const CLASS_ANY = 255;
const HEADER_BYTES = 12;
const NAME_BYTES_MAX = 255;
const LABEL_BYTES_MAX = 63;
/** What a client can take over UDP if it does not say (RFC 1035), and the most that we send (DNS flag day 2020). */
const UDP_BYTES_PRESET = 512;
export const UDP_BYTES_MAX = 1232;
/** Short, so that nobody holds on to an endpoint that is gone. */
const TTL_SECONDS = 5;
/** A name that points at the question's, which always begins behind the header. */
const QUESTION_POINTER = Buffer.from([0xc0, HEADER_BYTES]);

export interface DnsQuery {
  readonly id: number;
  readonly opcode: number;
  readonly isRecursionDesired: boolean;
  /** The name asked for, in lower case and without the last dot. */
  readonly name: string;
  readonly type: number;
  readonly isInternet: boolean;
  /** The question as it came, to be sent back letter by letter. */
  readonly question: Buffer;
  /** The largest UDP answer that the client takes. */
  readonly udpBytesMax: number;
  readonly hasEdns: boolean;
}

export type DnsRecord =
  | { readonly type: "A" | "AAAA"; readonly name: string; readonly address: string }
  | { readonly type: "CNAME" | "PTR"; readonly name: string; readonly target: string }
  | { readonly type: "SRV"; readonly name: string; readonly target: string; readonly port: number };

export interface DnsAnswer {
  readonly code: number;
  readonly answers: readonly DnsRecord[];
  /** Addresses of SRV targets, to save the client a question. */
  readonly additional?: readonly DnsRecord[];
}

/** A message that is no query we understand; `id` is there when an error can be sent back. */
export class DnsFormatError extends Error {
  override readonly name = "DnsFormatError";
  readonly id: number | undefined;
  constructor(message: string, id?: number) {
    super(message);
    this.id = id;
  }
}

/** Reads a query. @throws DnsFormatError for anything else, an answer among them: those must never be answered. */
export function parseQuery(message: Buffer): DnsQuery {
  const { id, flags, hasExtra } = parseHeader(message);
  const { name, end } = parseName(message, id);
  if (message.length < end + 4) throw new DnsFormatError("the question is cut off", id);
  const questionClass = message.readUInt16BE(end + 2);
  const questionEnd = end + 4;
  const edns = hasExtra ? parseEdns(message, questionEnd, id) : undefined;
  if (edns === undefined && message.length !== questionEnd) throw new DnsFormatError("bytes after the end", id);
  return {
    id,
    opcode: (flags >> 11) & 0xf,
    isRecursionDesired: (flags & 0x0100) !== 0,
    name,
    type: message.readUInt16BE(end),
    isInternet: questionClass === CLASS_IN || questionClass === CLASS_ANY,
    question: message.subarray(HEADER_BYTES, questionEnd),
    udpBytesMax: Math.min(Math.max(edns ?? 0, UDP_BYTES_PRESET), UDP_BYTES_MAX),
    hasEdns: edns !== undefined,
  };
}

function parseHeader(message: Buffer): { id: number; flags: number; hasExtra: boolean } {
  if (message.length < HEADER_BYTES) throw new DnsFormatError("shorter than a header");
  const [id, flags] = [message.readUInt16BE(0), message.readUInt16BE(2)];
  if ((flags & 0x8000) !== 0) throw new DnsFormatError("an answer, not a query");
  const [questions, answers, authorities, extras = 0] = [4, 6, 8, 10].map((at) => message.readUInt16BE(at));
  if (questions !== 1 || answers !== 0 || authorities !== 0 || extras > 1) {
    throw new DnsFormatError("not exactly one question", id);
  }
  return { id, flags, hasExtra: extras === 1 };
}

/** A question's name is never compressed: there is nothing before it that it could point at. */
function parseName(message: Buffer, id: number): { name: string; end: number } {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (;;) {
    const length = message[at];
    if (length === undefined) throw new DnsFormatError("the name is cut off", id);
    at += 1;
    if (length === 0) break;
    if (length > LABEL_BYTES_MAX) throw new DnsFormatError("a label is longer than 63 bytes", id);
    if (message.length < at + length) throw new DnsFormatError("a label is cut off", id);
    labels.push(message.toString("latin1", at, at + length).toLowerCase());
    at += length;
    if (at - HEADER_BYTES > NAME_BYTES_MAX - 1) throw new DnsFormatError("the name is longer than 255 bytes", id);
  }
  // A dot inside a label would read as two labels: no name of ours has one.
  if (labels.some((label) => label.includes("."))) throw new DnsFormatError("a label contains a dot", id);
  return { name: labels.join("."), end: at };
}

/** The size of UDP answers that the client takes. */
function parseEdns(message: Buffer, at: number, id: number): number {
  if (message.length < at + 11 || message[at] !== 0 || message.readUInt16BE(at + 1) !== recordTypes.opt) {
    throw new DnsFormatError("an additional record that is not OPT", id);
  }
  if (message.length !== at + 11 + message.readUInt16BE(at + 9)) throw new DnsFormatError("OPT is cut off", id);
  return message.readUInt16BE(at + 3);
}

/** Writes an answer of at most `bytesMax`; one that does not fit is sent without records and says that it is truncated. */
export function encodeAnswer(query: DnsQuery, answer: DnsAnswer, bytesMax: number): Buffer {
  const edns = query.hasEdns ? [makeOpt()] : [];
  const answers = answer.answers.map((record) => encodeRecord(record, query));
  const additional = (answer.additional ?? []).map((record) => encodeRecord(record, query));
  for (const extras of [additional, []]) {
    const counts = { answers: answers.length, extras: extras.length + edns.length };
    const header = makeHeader(query, { code: answer.code, isTruncated: false, ...counts });
    const message = Buffer.concat([header, query.question, ...answers, ...extras, ...edns]);
    if (message.length <= bytesMax) return message;
  }
  const header = makeHeader(query, { code: answer.code, isTruncated: true, answers: 0, extras: edns.length });
  return Buffer.concat([header, query.question, ...edns]);
}

/** Says that a message was not understood. */
export function encodeFormatError(id: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(0x8000 | responseCodes.formatError, 2);
  return header;
}

interface HeaderFields {
  code: number;
  isTruncated: boolean;
  answers: number;
  extras: number;
}

function makeHeader(query: DnsQuery, { code, isTruncated, answers, extras }: HeaderFields): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  // A response, authoritative, recursion available: a stub resolver must not go looking elsewhere.
  const flags = 0x8480 | (query.opcode << 11) | (query.isRecursionDesired ? 0x0100 : 0) | (isTruncated ? 0x0200 : 0);
  header.writeUInt16BE(query.id, 0);
  header.writeUInt16BE(flags | code, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(answers, 6);
  header.writeUInt16BE(extras, 10);
  return header;
}

function encodeRecord(record: DnsRecord, query: DnsQuery): Buffer {
  const body = encodeBody(record);
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(recordTypes[record.type.toLowerCase() as keyof typeof recordTypes], 0);
  fixed.writeUInt16BE(CLASS_IN, 2);
  fixed.writeUInt32BE(TTL_SECONDS, 4);
  fixed.writeUInt16BE(body.length, 8);
  const name = record.name === query.name ? QUESTION_POINTER : encodeName(record.name);
  return Buffer.concat([name, fixed, body]);
}

function encodeBody(record: DnsRecord): Buffer {
  switch (record.type) {
    case "A":
      return Buffer.from(record.address.split(".").map(Number));
    case "AAAA":
      return encodeIpv6(record.address);
    case "CNAME":
    case "PTR":
      return encodeName(record.target);
    case "SRV": {
      const fixed = Buffer.alloc(6);
      fixed.writeUInt16BE(100, 2);
      fixed.writeUInt16BE(record.port, 4);
      return Buffer.concat([fixed, encodeName(record.target)]);
    }
  }
}

function encodeName(name: string): Buffer {
  const labels = name.split(".").map((label) => {
    const bytes = Buffer.from(label, "latin1").subarray(0, LABEL_BYTES_MAX);
    return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  });
  return Buffer.concat([...labels, Buffer.from([0])]);
}

function encodeIpv6(address: string): Buffer {
  const [head = "", tail] = address.split("::");
  const groups = (text: string | undefined): number[] =>
    text === undefined || text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
  const [before, after] = [groups(head), groups(tail)];
  const bytes = Buffer.alloc(16);
  for (const [index, group] of before.entries()) bytes.writeUInt16BE(group, index * 2);
  for (const [index, group] of after.entries()) bytes.writeUInt16BE(group, (8 - after.length + index) * 2);
  return bytes;
}

function makeOpt(): Buffer {
  const opt = Buffer.alloc(11);
  opt.writeUInt16BE(recordTypes.opt, 1);
  opt.writeUInt16BE(UDP_BYTES_MAX, 3);
  return opt;
}
