import { badRequest } from "../status-error.ts";

// Protobuf's wire format: pairs of a tag (number and wire type) and a value.

export type WireType = "varint" | "fixed64" | "bytes" | "fixed32";

const wireTypes: readonly (WireType | undefined)[] = ["varint", "fixed64", "bytes", undefined, undefined, "fixed32"];
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads one message, front to back. Every method throws a StatusError 400 for what is malformed or cut short. */
export class WireReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;

  constructor(bytes: Buffer, at = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  /** The bytes that are left. */
  get bytesLeft(): number {
    return this.#end - this.#at;
  }

  readTag(): { number: number; wireType: WireType } {
    const tag = this.readVarint();
    const number = Math.floor(tag / 8);
    const wireType = wireTypes[tag % 8];
    if (number < 1 || number > fieldNumberMax) throw this.malformed(`${number} is no field number`);
    if (wireType === undefined)
      throw this.malformed(`field ${number} has wire type ${tag % 8}, which is not supported`);
    return { number, wireType };
  }

  /** A signed 64 bit integer. Beyond 2^53 it loses its last digits, as it would in JSON. */
  readVarint(): number {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#at >= this.#end) throw this.malformed("it ends within a number");
      const byte = this.#bytes[this.#at++] ?? 0;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) return high * 2 ** 32 + (low >>> 0);
    }
    throw this.malformed("a number is longer than ten bytes");
  }

  readDouble(): number {
    const at = this.#skip(8);
    return this.#bytes.readDoubleLE(at);
  }

  /** A reader for the length-delimited value that comes next. */
  readBlock(): WireReader {
    const length = this.readVarint();
    if (length < 0 || length > this.bytesLeft) throw this.malformed(`it ends within a field of ${length} bytes`);
    const at = this.#skip(length);
    return new WireReader(this.#bytes, at, at + length);
  }

  /** All that is left as bytes, shared with the body. */
  takeBytes(): Buffer {
    const at = this.#skip(this.bytesLeft);
    return this.#bytes.subarray(at, this.#end);
  }

  /** All that is left as text. */
  takeText(): string {
    const at = this.#at;
    try {
      return utf8.decode(this.takeBytes());
    } catch {
      this.#at = at;
      throw this.malformed("a string is not UTF-8");
    }
  }

  skip(wireType: WireType): void {
    if (wireType === "varint") this.readVarint();
    else if (wireType === "bytes") this.readBlock();
    else this.#skip(wireType === "fixed64" ? 8 : 4);
  }

  malformed(problem: string): Error {
    return badRequest(`the protobuf body is malformed at byte ${this.#at}: ${problem}`);
  }

  /** Where the skipped bytes begin. */
  #skip(length: number): number {
    if (length > this.bytesLeft) throw this.malformed("it ends within a field");
    const at = this.#at;
    this.#at += length;
    return at;
  }
}

const fieldNumberMax = 2 ** 29 - 1;
