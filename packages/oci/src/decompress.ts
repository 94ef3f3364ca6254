import { pipeline } from "node:stream/promises";
import { isNativeError } from "node:util/types";
import { PassThrough, Readable, type Duplex } from "node:stream";
import { OciError } from "./errors.ts";

const zlib = process.getBuiltinModule("node:zlib");

/** How much an archive may hold. */
export interface ArchiveLimits {
  /** Bytes after decompression, the archive's own headers included. Default 8 GiB. */
  readonly bytesMax: number;
  /** How many times its compressed size an archive may become, once it is beyond 64 MiB. Default 400. */
  readonly ratioMax: number;
  /** Files, directories and links. Default 1 000 000. */
  readonly entriesMax: number;
  /** Bytes of an entry's path. Default 4096, which is the kernel's. */
  readonly pathBytesMax: number;
}

/** The limits when nothing else is said; the largest images in common use stay well below. */
export const defaultArchiveLimits: ArchiveLimits = {
  bytesMax: 8 * 1024 ** 3,
  ratioMax: 400,
  entriesMax: 1_000_000,
  pathBytesMax: 4096,
};

const chunkSize = 256 * 1024;
const ratioFreeBytes = 64 * 1024 * 1024;

/**
 * Decompresses gzip and zstd, told apart by their first bytes; anything else is passed on as it is.
 *
 * @throws OciError `InvalidContent` when the compressed data is broken; `TooLarge` and `UnsafeContent` when it
 * becomes larger than the limits allow; what `bytes` throws.
 */
export async function* decompress(
  bytes: AsyncIterable<Uint8Array>,
  limits: Pick<ArchiveLimits, "bytesMax" | "ratioMax"> = defaultArchiveLimits,
): AsyncGenerator<Uint8Array, void> {
  let bytesIn = 0;
  let failure: { readonly error: unknown } | undefined;
  const { head, rest } = await peek(bytes, 4);
  async function* counted(): AsyncGenerator<Uint8Array, void> {
    try {
      for await (const chunk of rest) {
        bytesIn += chunk.length;
        yield chunk;
      }
    } catch (error) {
      failure = { error };
      throw error;
    }
  }
  const decompressor = decompressorOf(head);
  const feeding = pipeline(Readable.from(counted(), { objectMode: false }), decompressor).catch(() => {
    // Whoever reads the decompressor is told the same.
  });
  let bytesOut = 0;
  try {
    for await (const chunk of decompressor as AsyncIterable<Uint8Array>) {
      bytesOut += chunk.length;
      checkSize(bytesOut, { bytesIn, limits });
      yield chunk;
    }
  } catch (error) {
    throw failure === undefined ? translate(error) : failure.error;
  } finally {
    decompressor.destroy();
    await feeding;
  }
}

function checkSize(
  bytesOut: number,
  { bytesIn, limits }: { bytesIn: number; limits: Pick<ArchiveLimits, "bytesMax" | "ratioMax"> },
): void {
  if (bytesOut > limits.bytesMax) {
    throw new OciError("TooLarge", `the archive is larger than ${limits.bytesMax} bytes when it is decompressed`);
  }
  if (bytesOut > ratioFreeBytes && bytesOut > bytesIn * limits.ratioMax) {
    throw new OciError("UnsafeContent", `the archive grows more than ${limits.ratioMax} times when it is decompressed`);
  }
}

function decompressorOf(head: Buffer): Duplex {
  if (head[0] === 0x1f && head[1] === 0x8b) return zlib.createGunzip({ chunkSize });
  if (head.length >= 4 && head.readUInt32LE(0) === 0xfd2fb528) return zlib.createZstdDecompress({ chunkSize });
  return new PassThrough({ highWaterMark: chunkSize });
}

/** The first bytes, and the whole stream from its beginning. */
async function peek(
  bytes: AsyncIterable<Uint8Array>,
  count: number,
): Promise<{ head: Buffer; rest: AsyncGenerator<Uint8Array, void> }> {
  const iterator = bytes[Symbol.asyncIterator]();
  const chunks: Uint8Array[] = [];
  let length = 0;
  let isDone = false;
  while (length < count && !isDone) {
    const next = await iterator.next();
    if (next.done === true) isDone = true;
    else {
      chunks.push(next.value);
      length += next.value.length;
    }
  }
  async function* rest(): AsyncGenerator<Uint8Array, void> {
    try {
      yield* chunks;
      while (!isDone) {
        const next = await iterator.next();
        if (next.done === true) isDone = true;
        else yield next.value;
      }
    } finally {
      if (!isDone) await iterator.return?.();
    }
  }
  return { head: Buffer.concat(chunks).subarray(0, count), rest: rest() };
}

/** Beside the source's, which are told apart before, and our own, all errors are the decompressor's. */
function translate(error: unknown): unknown {
  if (error instanceof OciError || !isNativeError(error)) return error;
  return new OciError("InvalidContent", `the compressed data is broken: ${error.message}`, { cause: error });
}
