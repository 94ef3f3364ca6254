import { closeSync, constants, createWriteStream, openSync, readSync } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { pack, type Header, type Pack } from "tar-stream";
import { openDigestMeter, type DigestMeter } from "./digest.ts";
import { OciError } from "./errors.ts";
import { listDirectory, type FileContent, type LayerEntry, type ListDirectoryOptions } from "./layer-entries.ts";
import type { Descriptor } from "./manifest.ts";
import { mediaTypes } from "./media-types.ts";

const zlib = process.getBuiltinModule("node:zlib");

/** How a layer is written; everything has a default. */
export interface CompressOptions {
  /** Default `gzip`, which everything can read. `zstd` is several times faster, and not known to Docker before 23. */
  readonly compression?: "gzip" | "zstd";
  /** Of gzip, 1 to 9. Default 4: as small as what buildah makes; 6 is a tenth smaller and takes twice the time. */
  readonly compressionLevel?: number;
  readonly signal?: AbortSignal;
}

/** What becomes of a directory in a layer; everything has a default. */
export interface PackOptions extends ListDirectoryOptions, CompressOptions {}

/** A layer that was packed. */
export interface PackedLayer {
  readonly descriptor: Descriptor;
  /** Digest of the uncompressed layer. */
  readonly diffId: string;
  /** Files, directories and links. */
  readonly entries: number;
  /** Bytes of file content. */
  readonly bytes: number;
}

const chunkBytes = 256 * 1024;

/**
 * Packs a directory into a compressed layer at `file`. The same content makes the same bytes, whenever, wherever and by whom
 * it is packed: entries are sorted, belong to root, have no time, and are executable or not. Links are kept as they are and
 * never followed; sockets, pipes and devices are left out. Nobody may change the directory meanwhile.
 *
 * @throws OciError `InvalidContent` when a file became shorter meanwhile; system errors as they are.
 */
export async function packLayer(directory: string, file: string, options: PackOptions = {}): Promise<PackedLayer> {
  return await packEntries(listDirectory(directory, options), file, options);
}

/**
 * Packs entries in the order in which they come, parents before what is in them; else as `packLayer`.
 *
 * @throws as `packLayer`.
 */
export async function packEntries(
  entries: AsyncIterable<LayerEntry> | Iterable<LayerEntry>,
  file: string,
  { compression = "gzip", compressionLevel = 4, signal }: CompressOptions = {},
): Promise<PackedLayer> {
  const archive = pack({ highWaterMark: chunkBytes });
  const [content, compressed] = [openDigestMeter(), openDigestMeter()];
  const writing = pipeline(
    metered(archive as AsyncIterable<Uint8Array>, content),
    compression === "zstd"
      ? zlib.createZstdCompress({ chunkSize: chunkBytes })
      : // Node's gzip header has no time and no system, so it is the same everywhere.
        zlib.createGzip({ level: compressionLevel, chunkSize: chunkBytes }),
    (chunks: AsyncIterable<Uint8Array>) => metered(chunks, compressed),
    createWriteStream(file, { highWaterMark: chunkBytes }),
    signal === undefined ? {} : { signal },
  );
  const count = { entries: 0, bytes: 0 };
  const [filled, written] = await Promise.allSettled([fill(archive, entries, { count, signal }), writing]);
  for (const outcome of [filled, written]) if (outcome.status === "rejected") throw outcome.reason;
  const mediaType = compression === "zstd" ? mediaTypes.ociLayerZstd : mediaTypes.ociLayerGzip;
  return {
    descriptor: { mediaType, size: compressed.bytes, digest: compressed.digest() },
    diffId: content.digest(),
    ...count,
  };
}

async function* metered(chunks: AsyncIterable<Uint8Array>, meter: DigestMeter): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of chunks) {
    meter.update(chunk);
    yield chunk;
  }
}

/** A packing under way. */
interface Packing {
  readonly count: { entries: number; bytes: number };
  readonly signal: AbortSignal | undefined;
}

async function fill(
  archive: Pack,
  entries: AsyncIterable<LayerEntry> | Iterable<LayerEntry>,
  { count, signal }: Packing,
): Promise<void> {
  try {
    for await (const entry of entries) {
      signal?.throwIfAborted();
      await addEntry(archive, entry, count);
      count.entries += 1;
    }
    archive.finalize();
  } catch (error) {
    archive.destroy(error as Error);
    throw error;
  }
}

async function addEntry(archive: Pack, entry: LayerEntry, count: { bytes: number }): Promise<void> {
  switch (entry.kind) {
    case "directory":
      return await addEmpty(archive, { ...common, name: `${entry.path}/`, type: "directory", mode: entry.mode });
    case "symlink":
      return await addEmpty(archive, {
        ...common,
        name: entry.path,
        type: "symlink",
        linkname: entry.target,
        mode: 0o777,
      });
    case "file": {
      const size = "bytes" in entry.content ? entry.content.bytes.length : entry.content.size;
      await addFile(archive, { ...common, name: entry.path, type: "file", mode: entry.mode, size }, entry.content);
      count.bytes += size;
    }
  }
}

type EntryHeader = Partial<Header> & { name: string };

const common = { uid: 0, gid: 0, mtime: new Date(0) };

function addEmpty(archive: Pack, header: EntryHeader): Promise<void> {
  return new Promise((resolve, reject) => {
    archive.entry(header, (error) => (error ? reject(error) : resolve()));
  });
}

async function addFile(archive: Pack, header: EntryHeader, content: FileContent): Promise<void> {
  const done = Promise.withResolvers<void>();
  const sink = archive.entry(header, (error) => (error ? done.reject(error) : done.resolve()));
  try {
    for await (const chunk of piecesOf(content)) {
      if (!sink.write(chunk)) await Promise.race([drained(sink), done.promise]);
    }
    sink.end(null);
  } catch (error) {
    sink.destroy(error as Error);
    await done.promise.catch(() => undefined);
    throw error;
  }
  await done.promise;
}

function drained(sink: ReturnType<Pack["entry"]>): Promise<void> {
  return new Promise((resolve) => {
    sink.once("drain", () => resolve());
  });
}

function piecesOf(content: FileContent): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
  if ("bytes" in content) return [content.bytes];
  // Most files are small; the thread pool would cost them more than they do.
  return content.size <= chunkBytes ? [readSmall(content)] : readStart(content);
}

function readSmall({ file, size }: { file: string; size: number }): Uint8Array {
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const buffer = Buffer.allocUnsafe(size);
    if (readSync(descriptor, buffer) < size) throw becameShorter(file);
    return buffer;
  } finally {
    closeSync(descriptor);
  }
}

function becameShorter(file: string): OciError {
  return new OciError("InvalidContent", `${file} became shorter while it was packed`);
}

/** As many bytes as the header says: a file that grew meanwhile is cut. A link in its place is not followed. */
async function* readStart({ file, size }: { file: string; size: number }): AsyncGenerator<Uint8Array, void> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    let left = size;
    while (left > 0) {
      const length = Math.min(left, chunkBytes);
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(length), 0, length);
      if (bytesRead === 0) throw becameShorter(file);
      left -= bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}
