import { createReadStream, createWriteStream, type Stats } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { pack, type Header, type Pack } from "tar-stream";
import { openDigestMeter, type DigestMeter } from "./digest.ts";
import type { Descriptor } from "./manifest.ts";
import { mediaTypes } from "./media-types.ts";

const zlib = process.getBuiltinModule("node:zlib");

/** What becomes of a directory in a layer; everything has a default. */
export interface PackOptions {
  /** Where in the layer the content is put, such as `app`; its parents come with it. Default: the root. */
  readonly prefix?: string;
  /** Paths below the directory, such as `a/b`, to be left out; a directory with all that is in it. Default: none. */
  readonly isExcluded?: (path: string, isDirectory: boolean) => boolean;
  /** Only these paths below the directory, with all that is in them. Default: all. */
  readonly only?: readonly string[];
  /** Of gzip, 1 to 9. Default 6. */
  readonly compressionLevel?: number;
  readonly signal?: AbortSignal;
}

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

/**
 * Packs a directory into a gzipped layer at `file`. The same content makes the same bytes, whenever, wherever and by whom it
 * is packed: entries are sorted, belong to root, have no time, and are executable or not. Links are kept as they are and never
 * followed; sockets, pipes and devices are left out. Nobody may change the directory meanwhile.
 *
 * @throws system errors as they are.
 */
export async function packLayer(directory: string, file: string, options: PackOptions = {}): Promise<PackedLayer> {
  const archive = pack();
  const [content, compressed] = [openDigestMeter(), openDigestMeter()];
  const gzip = zlib.createGzip({ level: options.compressionLevel ?? 6 });
  const writing = pipeline(
    metered(archive as AsyncIterable<Uint8Array>, content),
    gzip,
    (chunks: AsyncIterable<Uint8Array>) => metered(chunks, compressed),
    createWriteStream(file),
    options.signal === undefined ? {} : { signal: options.signal },
  );
  const count = { entries: 0, bytes: 0 };
  const [filled, written] = await Promise.allSettled([fill(archive, { directory, options, count }), writing]);
  for (const outcome of [filled, written]) if (outcome.status === "rejected") throw outcome.reason;
  return {
    descriptor: { mediaType: mediaTypes.ociLayerGzip, size: compressed.bytes, digest: compressed.digest() },
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
  readonly directory: string;
  readonly options: PackOptions;
  readonly count: { entries: number; bytes: number };
}

async function fill(archive: Pack, packing: Packing): Promise<void> {
  try {
    const prefix = splitPath(packing.options.prefix ?? "");
    for (let length = 1; length <= prefix.length; length += 1) {
      await addDirectory(archive, prefix.slice(0, length).join("/"), packing);
    }
    const roots = packing.options.only ?? [""];
    for (const root of [...roots].toSorted(compareBytes)) await addTree(archive, splitPath(root).join("/"), packing);
    archive.finalize();
  } catch (error) {
    archive.destroy(error as Error);
    throw error;
  }
}

async function addTree(archive: Pack, path: string, packing: Packing): Promise<void> {
  const { directory, options } = packing;
  options.signal?.throwIfAborted();
  const place = join(directory, path);
  const stats = await lstat(place);
  if (path !== "" && options.isExcluded?.(path, stats.isDirectory()) === true) return;
  const name = [...splitPath(options.prefix ?? ""), ...splitPath(path)].join("/");
  if (!stats.isDirectory()) {
    await addLeaf(archive, { place, name, stats }, packing);
    return;
  }
  if (path !== "") await addDirectory(archive, name, packing);
  for (const child of (await readdir(place)).toSorted(compareBytes)) {
    await addTree(archive, path === "" ? child : `${path}/${child}`, packing);
  }
}

interface Leaf {
  readonly place: string;
  readonly name: string;
  readonly stats: Stats;
}

async function addLeaf(archive: Pack, { place, name, stats }: Leaf, { count }: Packing): Promise<void> {
  if (stats.isSymbolicLink()) {
    await addEntry(archive, { ...common, name, type: "symlink", linkname: await readlink(place), mode: 0o777 });
  } else if (stats.isFile()) {
    const mode = (stats.mode & 0o111) === 0 ? 0o644 : 0o755;
    await addFile(archive, place, { ...common, name, type: "file", size: stats.size, mode });
    count.bytes += stats.size;
  } else return;
  count.entries += 1;
}

type EntryHeader = Partial<Header> & { name: string };

const common = { uid: 0, gid: 0, mtime: new Date(0) };

async function addDirectory(archive: Pack, name: string, { count }: Packing): Promise<void> {
  await addEntry(archive, { ...common, name: `${name}/`, type: "directory", mode: 0o755 });
  count.entries += 1;
}

function addEntry(archive: Pack, header: EntryHeader): Promise<void> {
  return new Promise((resolve, reject) => {
    archive.entry(header, (error) => (error ? reject(error) : resolve()));
  });
}

async function addFile(archive: Pack, place: string, header: EntryHeader): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const entry = archive.entry(header, (error) => (error ? reject(error) : resolve()));
    // A file that grew meanwhile is cut at its size; one that shrank is an error of the archive's.
    const source = createReadStream(place, header.size === 0 ? {} : { end: (header.size ?? 0) - 1 });
    source.on("error", (error) => entry.destroy(error));
    source.pipe(entry);
  });
}

/** Byte by byte, as no language of the machine's can change it. */
function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function splitPath(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}
