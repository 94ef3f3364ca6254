import { COLON, COMMA, CR, HTAB, LF, SP, equalsIgnoreCase, isTokenByte, isValueByte } from "./bytes.ts";
import { faulty, incomplete, type Fault } from "./fault.ts";

// The fields that the engine itself must understand. Every other field has the kind 0 and is only carried.
export const HOST = 1;
export const CONNECTION = 2;
export const KEEP_ALIVE = 3;
export const PROXY_CONNECTION = 4;
export const TRANSFER_ENCODING = 5;
export const CONTENT_LENGTH = 6;
export const UPGRADE = 7;
export const TE = 8;
export const EXPECT = 9;
export const X_FORWARDED_FOR = 10;
export const X_FORWARDED_PROTO = 11;
export const X_FORWARDED_HOST = 12;
export const FORWARDED = 13;
export const PROXY_AUTHENTICATE = 14;
export const PROXY_AUTHORIZATION = 15;
export const HTTP2_SETTINGS = 16;
export const TRAILER = 17;

/** A set of kinds, as bits. */
export function kindSet(...kinds: number[]): number {
  return kinds.reduce((set, kind) => set | (1 << kind), 0);
}

const kindNames: Readonly<Record<string, number>> = {
  host: HOST,
  connection: CONNECTION,
  "keep-alive": KEEP_ALIVE,
  "proxy-connection": PROXY_CONNECTION,
  "transfer-encoding": TRANSFER_ENCODING,
  "content-length": CONTENT_LENGTH,
  upgrade: UPGRADE,
  te: TE,
  expect: EXPECT,
  "x-forwarded-for": X_FORWARDED_FOR,
  "x-forwarded-proto": X_FORWARDED_PROTO,
  "x-forwarded-host": X_FORWARDED_HOST,
  forwarded: FORWARDED,
  "proxy-authenticate": PROXY_AUTHENTICATE,
  "proxy-authorization": PROXY_AUTHORIZATION,
  "http2-settings": HTTP2_SETTINGS,
  trailer: TRAILER,
};

interface KnownField {
  readonly kind: number;
  readonly name: Uint8Array;
}
/** By the length of the name: most names are told apart by it, so most comparisons never begin. */
const knownByLength: readonly (readonly KnownField[] | undefined)[] = indexByLength();
const knownLengthMax = 19;

function indexByLength(): (KnownField[] | undefined)[] {
  const index: (KnownField[] | undefined)[] = [];
  for (const [name, kind] of Object.entries(kindNames))
    (index[name.length] ??= []).push({ kind, name: Buffer.from(name) });
  return Array.from(index);
}

function kindOf(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length > knownLengthMax) return 0;
  const candidates = knownByLength[length];
  if (candidates === undefined) return 0;
  for (const { kind, name } of candidates) if (equalsIgnoreCase(bytes, start, name)) return kind;
  return 0;
}

/** Framing and routing must not be decided by fields that an intermediary on the way drops or adds. */
const neverConnectionListed = kindSet(HOST, CONTENT_LENGTH, TRANSFER_ENCODING, EXPECT);
/** At most one of each may be in a head. */
const singletons = kindSet(HOST, CONTENT_LENGTH, TRANSFER_ENCODING, EXPECT, UPGRADE);

/** Digits beyond this could not be counted exactly. */
const lengthDigitsMax = 15;
/** Names that Connection may list besides the usual ones. */
const listedNamesMax = 16;

const chunkedName = Buffer.from("chunked");
const closeName = Buffer.from("close");
const keepAliveName = Buffer.from("keep-alive");
const upgradeName = Buffer.from("upgrade");

/** Entries of `offsets` per field: name start and end, value start and end, kind. The line ends where the next begins. */
export const STRIDE = 5;

/**
 * The header fields of one head, scanned in place: offsets into the caller's bytes, and what the engine must know of
 * them. Reused for one head after another, so that scanning allocates nothing. A scan that ran out of bytes is taken up
 * again at the line it stopped in, so input that drips in costs no more than its lines.
 */
export class FieldBlock {
  /** The bytes of the last scan. */
  bytes: Buffer = Buffer.alloc(0);
  /** Where the first field begins; set by the owner before the first scan. */
  start = 0;
  /** Where the next unscanned line begins. After a whole scan: the blank line. */
  cursor = 0;
  count = 0;
  readonly offsets: number[] = [];
  /** The kinds that were met, as bits. */
  seen = 0;
  contentLength = -1;
  isChunked = false;
  hasClose = false;
  hasKeepAlive = false;
  hasUpgrade = false;
  /** Other names that Connection lists, in lower case: they end here. */
  listed: Buffer[] | undefined;
  fault: Fault | undefined;

  begin(start: number): void {
    this.start = start;
    this.cursor = start;
    this.count = 0;
    this.seen = 0;
    this.contentLength = -1;
    this.isChunked = false;
    this.hasClose = false;
    this.hasKeepAlive = false;
    this.hasUpgrade = false;
    this.listed = undefined;
    this.fault = undefined;
  }

  /** Scans bytes[cursor, end) up to and with the blank line; returns the offset after it, `incomplete` or `faulty`. */
  scan(bytes: Buffer, end: number, countMax: number): number {
    this.bytes = bytes;
    const offsets = this.offsets;
    let i = this.cursor;
    for (;;) {
      if (i >= end) return incomplete;
      if (bytes[i] === CR) {
        if (i + 1 >= end) return incomplete;
        if (bytes[i + 1] !== LF) return this.refuse("a CR without LF in the head");
        if (this.isChunked && this.contentLength >= 0) return this.refuse("both Content-Length and Transfer-Encoding");
        this.cursor = i;
        return i + 2;
      }

      const nameStart = i;
      while (i < end && isTokenByte[bytes[i] as number] === 1) i++;
      if (i >= end) return incomplete;
      if (bytes[i] !== COLON || i === nameStart) return this.refuse(nameFault(bytes[i] as number, i === nameStart));
      const nameEnd = i++;

      while (i < end && (bytes[i] === SP || bytes[i] === HTAB)) i++;
      const valueStart = i;
      while (i < end && isValueByte[bytes[i] as number] === 1) i++;
      if (i >= end) return incomplete;
      if (bytes[i] !== CR) return this.refuse(valueFault(bytes[i] as number));
      if (i + 1 >= end) return incomplete;
      if (bytes[i + 1] !== LF) return this.refuse("a CR without LF in the head");
      let valueEnd = i;
      while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB)) valueEnd--;
      i += 2;

      if (this.count >= countMax) return this.refuse(`more than ${countMax} header fields`, 431);
      const kind = kindOf(bytes, nameStart, nameEnd);
      const at = this.count++ * STRIDE;
      offsets[at] = nameStart;
      offsets[at + 1] = nameEnd;
      offsets[at + 2] = valueStart;
      offsets[at + 3] = valueEnd;
      offsets[at + 4] = kind;
      this.cursor = i;
      if (kind !== 0 && !this.#take(kind, valueStart, valueEnd)) return faulty;
    }
  }

  refuse(reason: string, status = 400): number {
    this.fault = { status, reason };
    return faulty;
  }

  /** Where field `index` ends, its CRLF included. */
  lineEnd(index: number): number {
    return index + 1 < this.count ? (this.offsets[(index + 1) * STRIDE] as number) : this.cursor;
  }

  has(kind: number): boolean {
    return (this.seen & (1 << kind)) !== 0;
  }

  /** The index of the first field of a kind from `from` on, or -1. */
  indexOfKind(kind: number, from = 0): number {
    for (let index = from; index < this.count; index++) {
      if (this.offsets[index * STRIDE + 4] === kind) return index;
    }
    return -1;
  }

  value(index: number): string {
    const at = index * STRIDE;
    return this.bytes.toString("latin1", this.offsets[at + 2], this.offsets[at + 3]);
  }

  /** The values of a kind, joined by ", "; undefined when absent. */
  valueOfKind(kind: number): string | undefined {
    let joined: string | undefined;
    for (let index = this.indexOfKind(kind); index >= 0; index = this.indexOfKind(kind, index + 1)) {
      joined = joined === undefined ? this.value(index) : `${joined}, ${this.value(index)}`;
    }
    return joined;
  }

  /** The values of a name in lower case, joined by ", "; undefined when absent. */
  valueOf(name: string): string | undefined {
    let joined: string | undefined;
    for (let index = 0; index < this.count; index++) {
      if (!this.#isNamed(index, name)) continue;
      joined = joined === undefined ? this.value(index) : `${joined}, ${this.value(index)}`;
    }
    return joined;
  }

  /** Name, value, name, value, as they came. */
  all(): string[] {
    const list: string[] = [];
    for (let index = 0; index < this.count; index++) {
      const at = index * STRIDE;
      list.push(this.bytes.toString("latin1", this.offsets[at], this.offsets[at + 1]), this.value(index));
    }
    return list;
  }

  /** Whether Connection lists the name of a field, so that it ends here. */
  isListed(index: number): boolean {
    if (this.listed === undefined) return false;
    const start = this.offsets[index * STRIDE] as number;
    const length = (this.offsets[index * STRIDE + 1] as number) - start;
    return this.listed.some((name) => name.length === length && equalsIgnoreCase(this.bytes, start, name));
  }

  #isNamed(index: number, lower: string): boolean {
    const start = this.offsets[index * STRIDE] as number;
    if ((this.offsets[index * STRIDE + 1] as number) - start !== lower.length) return false;
    for (let i = 0; i < lower.length; i++) {
      const byte = this.bytes[start + i] as number;
      if ((byte >= 65 && byte <= 90 ? byte | 32 : byte) !== lower.charCodeAt(i)) return false;
    }
    return true;
  }

  /** Takes what the engine must know from a field it knows; false when it is at fault. */
  #take(kind: number, valueStart: number, valueEnd: number): boolean {
    const bit = 1 << kind;
    if ((this.seen & singletons & bit) !== 0) {
      this.refuse(`more than one ${this.bytes.toString("latin1", ...this.#lastName())} field`);
      return false;
    }
    this.seen |= bit;
    switch (kind) {
      case CONTENT_LENGTH:
        return this.#takeLength(valueStart, valueEnd);
      case TRANSFER_ENCODING:
        this.isChunked = valueEnd - valueStart === 7 && equalsIgnoreCase(this.bytes, valueStart, chunkedName);
        if (!this.isChunked) this.refuse("a Transfer-Encoding other than chunked");
        return this.isChunked;
      case CONNECTION:
        return this.#takeConnection(valueStart, valueEnd);
      default:
        return true;
    }
  }

  #lastName(): [number, number] {
    const at = (this.count - 1) * STRIDE;
    return [this.offsets[at] as number, this.offsets[at + 1] as number];
  }

  #takeLength(start: number, end: number): boolean {
    let length = 0;
    for (let i = start; i < end; i++) {
      const digit = (this.bytes[i] as number) - 48;
      if (digit < 0 || digit > 9) {
        this.refuse("a Content-Length that is not a number");
        return false;
      }
      length = length * 10 + digit;
    }
    if (end === start || end - start > lengthDigitsMax) {
      this.refuse(end === start ? "an empty Content-Length" : "a Content-Length that is too large");
      return false;
    }
    this.contentLength = length;
    return true;
  }

  #takeConnection(start: number, end: number): boolean {
    let i = start;
    while (i < end) {
      while (i < end && isListGap(this.bytes[i] as number)) i++;
      const tokenStart = i;
      while (i < end && isTokenByte[this.bytes[i] as number] === 1) i++;
      if (i < end && !isListGap(this.bytes[i] as number)) {
        this.refuse("a Connection field that is not a list of names");
        return false;
      }
      if (i > tokenStart && !this.#takeOption(tokenStart, i)) return false;
    }
    return true;
  }

  #takeOption(start: number, end: number): boolean {
    const { bytes } = this;
    const length = end - start;
    if (length === closeName.length && equalsIgnoreCase(bytes, start, closeName)) this.hasClose = true;
    else if (length === keepAliveName.length && equalsIgnoreCase(bytes, start, keepAliveName)) this.hasKeepAlive = true;
    else if (length === upgradeName.length && equalsIgnoreCase(bytes, start, upgradeName)) this.hasUpgrade = true;
    else {
      const listed = (this.listed ??= []);
      if (((1 << kindOf(bytes, start, end)) & neverConnectionListed) !== 0 || listed.length >= listedNamesMax) {
        this.refuse("a Connection field that lists what must not be dropped");
        return false;
      }
      listed.push(Buffer.from(bytes.toString("latin1", start, end).toLowerCase(), "latin1"));
    }
    return true;
  }
}

function isListGap(byte: number): boolean {
  return byte === COMMA || byte === SP || byte === HTAB;
}

function nameFault(byte: number, isEmpty: boolean): string {
  if (byte === LF) return "a line that ends without CR";
  if (byte === SP || byte === HTAB) return isEmpty ? "a folded header line" : "a space in or after a header name";
  if (byte === COLON) return "an empty header name";
  return "an invalid byte in a header name";
}

function valueFault(byte: number): string {
  return byte === LF ? "a line that ends without CR" : "a control byte in a header value";
}
