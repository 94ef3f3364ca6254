import { pipeline } from "node:stream/promises";
import { isNativeError } from "node:util/types";
import { extract, type Header } from "tar-stream";
import { OciError } from "./errors.ts";

/** One entry of an archive. What `content` is not read of is skipped when the next entry is asked for. */
export interface TarEntry {
  readonly header: Header;
  readonly content: AsyncIterable<Uint8Array>;
}

/**
 * Reads a tar archive entry by entry, with back-pressure. Names are handed on as they stand in the archive: they may be
 * absolute, climb with `..`, or lie.
 *
 * @throws OciError `InvalidContent` when the bytes are no tar archive or end early; what `bytes` throws is passed on.
 */
export async function* readTar(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry, void> {
  const archive = extract();
  let failure: { readonly error: unknown } | undefined;
  const feeding = pipeline(async function* feed() {
    try {
      yield* bytes;
    } catch (error) {
      failure = { error };
      throw error;
    }
  }, archive).catch((error: unknown) => error);
  async function* translated(content: Source): AsyncGenerator<Uint8Array, void> {
    try {
      yield* content as AsyncIterable<Uint8Array>;
    } catch (error) {
      throw failure === undefined ? translate(error) : failure.error;
    }
  }
  try {
    for await (const source of archive) {
      yield { header: source.header, content: translated(source) };
      await skip(source);
    }
  } catch (error) {
    throw failure === undefined ? translate(error) : failure.error;
  } finally {
    archive.destroy();
    await feeding;
  }
  if (failure !== undefined) throw failure.error;
}

type Source = ReturnType<typeof extract> extends AsyncIterable<infer S> ? S : never;

function skip(source: Source): Promise<void> {
  return new Promise((resolve) => {
    if (source.destroyed) {
      resolve();
      return;
    }
    source.on("close", () => resolve());
    source.resume();
  });
}

function translate(error: unknown): unknown {
  // tar-stream has no error class; what carries a code comes from the system or from us.
  if (!isNativeError(error) || error instanceof OciError || "code" in error) return error;
  return new OciError("InvalidContent", `not a readable tar archive: ${error.message}`, { cause: error });
}
