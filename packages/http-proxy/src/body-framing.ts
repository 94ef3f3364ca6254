import { CR, HTAB, LF, SEMICOLON, SP, isTokenByte } from "./bytes.ts";
import { faulty, incomplete, type Fault } from "./fault.ts";
import {
  CONNECTION,
  CONTENT_LENGTH,
  EXPECT,
  FieldBlock,
  HOST,
  TE,
  TRAILER,
  TRANSFER_ENCODING,
  UPGRADE,
  kindSet,
} from "./field-block.ts";

// Where a body is: its mode, and within chunks what comes next.
const NONE = 0;
const LENGTH = 1;
const UNTIL_CLOSE = 2;
const SIZE = 3;
const SIZE_REST = 4;
const EXTENSION = 5;
const EXTENSION_QUOTED = 6;
const SIZE_LF = 7;
const CHUNK = 8;
const CHUNK_CR = 9;
const CHUNK_LF = 10;
const TRAILERS = 11;
const DONE = 12;

const sizeDigitsMax = 13;
/** Over the whole body: extensions mean nothing to anybody, but cost whoever reads them. */
const extensionBytesMax = 16 * 1024;
const trailerBytesMax = 16 * 1024;
const trailerCountMax = 64;
const forbiddenTrailers = kindSet(HOST, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION, TE, TRAILER, UPGRADE, EXPECT);
const lastChunk = Buffer.from("0\r\n");

/**
 * Follows one body through the buffers it comes in, without copying it. `advance` leaves in `spans` the ranges that are
 * to be passed on: with chunked bodies the chunks' framing too, less the extensions, or only their content when the
 * receiver knows no chunks. Bare LF and whatever else is not exactly a chunk is a fault.
 */
export class BodyFraming {
  #state = DONE;
  #remaining = 0;
  #digits = 0;
  #extensionBytes = 0;
  #isUnwrapped = false;
  readonly #trailers = new FieldBlock();
  #trailerBytes: Buffer | undefined;
  /** Pairs of offsets into the bytes last advanced over; `spanCount` of them. */
  readonly spans: number[] = [];
  spanCount = 0;
  /** Bytes to be passed on after the spans: the trailer section when it came in pieces. */
  tail: Buffer | undefined;
  /** Content bytes of the spans, without framing. */
  contentBytes = 0;
  fault: Fault | undefined;

  beginNone(): void {
    this.#begin(NONE);
  }

  beginLength(length: number): void {
    this.#begin(length === 0 ? NONE : LENGTH);
    this.#remaining = length;
  }

  beginUntilClose(): void {
    this.#begin(UNTIL_CLOSE);
  }

  /** @param isUnwrapped whether only the chunks' content is passed on. */
  beginChunked(isUnwrapped: boolean): void {
    this.#begin(SIZE);
    this.#isUnwrapped = isUnwrapped;
    this.#digits = 0;
    this.#remaining = 0;
    this.#extensionBytes = 0;
    this.#trailerBytes = undefined;
  }

  #begin(state: number): void {
    this.#state = state === NONE ? DONE : state;
    this.#isUnwrapped = false;
    this.spanCount = 0;
    this.contentBytes = 0;
    this.tail = undefined;
    this.fault = undefined;
  }

  get isDone(): boolean {
    return this.#state === DONE;
  }

  get endsWithConnection(): boolean {
    return this.#state === UNTIL_CLOSE;
  }

  /** What is known to be still to come; Infinity for chunked and unbounded bodies. */
  get remainingBytes(): number {
    if (this.#state === DONE) return 0;
    return this.#state === LENGTH ? this.#remaining : Infinity;
  }

  /** The connection has ended: true when that is how the body ends. */
  endOfConnection(): boolean {
    if (this.#state === UNTIL_CLOSE) this.#state = DONE;
    return this.#state === DONE;
  }

  /** Advances over bytes[from, length); returns where the body ends, or the length, or `faulty`. */
  advance(bytes: Buffer, from: number): number {
    const end = bytes.length;
    this.spanCount = 0;
    this.contentBytes = 0;
    this.tail = undefined;
    if (this.#state === DONE || from === end) return from;
    if (this.#state === LENGTH) {
      const to = Math.min(end, from + this.#remaining);
      this.#remaining -= to - from;
      if (this.#remaining === 0) this.#state = DONE;
      this.contentBytes = to - from;
      this.#pass(from, to);
      return to;
    }
    if (this.#state === UNTIL_CLOSE) {
      this.contentBytes = end - from;
      this.#pass(from, end);
      return end;
    }
    return this.#advanceChunks(bytes, from);
  }

  #pass(from: number, to: number): void {
    if (to <= from) return;
    this.spans[this.spanCount * 2] = from;
    this.spans[this.spanCount * 2 + 1] = to;
    this.spanCount++;
  }

  #advanceChunks(bytes: Buffer, from: number): number {
    const end = bytes.length;
    const isRaw = !this.#isUnwrapped;
    let i = from;
    // Where the raw range that is passed on began; extensions and trailers interrupt it.
    let rawStart =
      this.#state === EXTENSION || this.#state === EXTENSION_QUOTED || this.#state === TRAILERS ? -1 : from;
    while (i < end) {
      const byte = bytes[i] as number;
      switch (this.#state) {
        case SIZE:
        case SIZE_REST: {
          const digit = hexDigit(byte);
          if (digit >= 0) {
            this.#state = SIZE_REST;
            this.#remaining = this.#remaining * 16 + digit;
            if (++this.#digits > sizeDigitsMax) return this.#refuse("a chunk size that is too large");
            i++;
          } else if (this.#state === SIZE) {
            return this.#refuse("a chunk without a size");
          } else if (byte === CR) {
            this.#state = SIZE_LF;
            i++;
          } else if (byte === SEMICOLON) {
            if (isRaw) this.#pass(rawStart, i);
            rawStart = -1;
            this.#state = EXTENSION;
            i++;
          } else {
            return this.#refuse("an invalid chunk size");
          }
          break;
        }
        case EXTENSION:
        case EXTENSION_QUOTED: {
          if (++this.#extensionBytes > extensionBytesMax) return this.#refuse("too many chunk extensions");
          if (this.#state === EXTENSION && byte === CR) {
            this.#state = SIZE_LF;
            rawStart = i;
          } else if (byte === 34) {
            this.#state = this.#state === EXTENSION ? EXTENSION_QUOTED : EXTENSION;
          } else if (!isExtensionByte(byte, this.#state === EXTENSION_QUOTED)) {
            return this.#refuse("an invalid chunk extension");
          }
          i++;
          break;
        }
        case SIZE_LF: {
          if (byte !== LF) return this.#refuse("a CR without LF after a chunk size");
          i++;
          this.#digits = 0;
          if (this.#remaining > 0) {
            this.#state = CHUNK;
          } else {
            if (isRaw) this.#pass(rawStart, i);
            rawStart = -1;
            this.#state = TRAILERS;
          }
          break;
        }
        case CHUNK: {
          const to = Math.min(end, i + this.#remaining);
          if (!isRaw) this.#pass(i, to);
          this.contentBytes += to - i;
          this.#remaining -= to - i;
          i = to;
          if (this.#remaining === 0) this.#state = CHUNK_CR;
          break;
        }
        case CHUNK_CR:
          if (byte !== CR) return this.#refuse("a chunk that is longer than its size");
          this.#state = CHUNK_LF;
          i++;
          break;
        case CHUNK_LF:
          if (byte !== LF) return this.#refuse("a CR without LF after a chunk");
          this.#state = SIZE;
          i++;
          break;
        default:
          return this.#advanceTrailers(bytes, i);
      }
    }
    if (isRaw && rawStart >= 0) this.#pass(rawStart, i);
    return i;
  }

  /** Nearly always the blank line alone. A trailer section is collected (it is bounded) and scanned as strictly as a head. */
  #advanceTrailers(bytes: Buffer, from: number): number {
    const isFirst = this.#trailerBytes === undefined;
    if (isFirst && bytes.length - from >= 2 && bytes[from] === CR && bytes[from + 1] === LF) {
      this.#state = DONE;
      if (!this.#isUnwrapped) this.#pass(from, from + 2);
      return from + 2;
    }
    const before = this.#trailerBytes?.length ?? 0;
    const section =
      this.#trailerBytes === undefined
        ? Buffer.from(bytes.subarray(from))
        : Buffer.concat([this.#trailerBytes, bytes.subarray(from)]);
    if (isFirst) this.#trailers.begin(0);
    const sectionEnd = this.#trailers.scan(section, section.length, trailerCountMax);
    if (sectionEnd === faulty) return this.#refuse(`${this.#trailers.fault?.reason ?? "malformed"}, in the trailers`);
    if ((this.#trailers.seen & forbiddenTrailers) !== 0)
      return this.#refuse("a trailer field that belongs in the head");
    if ((sectionEnd === incomplete ? section.length : sectionEnd) > trailerBytesMax)
      return this.#refuse("too many trailers");
    if (sectionEnd === incomplete) {
      this.#trailerBytes = section;
      return bytes.length;
    }
    this.#state = DONE;
    if (!this.#isUnwrapped) this.tail = section.subarray(0, sectionEnd);
    return from + sectionEnd - before;
  }

  #refuse(reason: string): number {
    this.fault = { status: 400, reason };
    return faulty;
  }
}

/** A chunk's head for `size` bytes of content. */
export function chunkHead(size: number): string {
  return `${size.toString(16)}\r\n`;
}

/** The chunk that ends a body without trailers. */
export const finalChunk: Buffer = Buffer.concat([lastChunk, Buffer.from("\r\n")]);

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

function isExtensionByte(byte: number, isQuoted: boolean): boolean {
  if (isQuoted) return byte === HTAB || (byte >= SP && byte < 127 && byte !== 92);
  return isTokenByte[byte] === 1 || byte === SEMICOLON || byte === 61;
}
