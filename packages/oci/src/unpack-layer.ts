import * as fs from "node:fs";
import { join } from "node:path";
import type { Header } from "tar-stream";
import { decompress, defaultArchiveLimits, type ArchiveLimits } from "./decompress.ts";
import { openDigestMeter } from "./digest.ts";
import { OciError } from "./errors.ts";
import { openRootedPaths, quoted, type RootedPaths } from "./rooted-paths.ts";
import { readTar, type TarEntry } from "./tar-entries.ts";
import { openWhiteouts, type Whiteouts } from "./whiteouts.ts";

/** How a layer is unpacked; everything has a default. */
export interface UnpackOptions {
  readonly limits?: Partial<ArchiveLimits>;
  /**
   * `keep` gives files the owners that the archive names, and needs root; an owner that does not exist in our user namespace
   * becomes us. `self` makes all files ours, drops set-uid bits, and keeps directories writable for us.
   * Default: `keep` for root, else `self`.
   */
  readonly owners?: "keep" | "self";
  /** Gives the group the rights of the owner: for a directory in which several users of one group work. Default: no. */
  readonly isShared?: boolean;
  /** The digest of the uncompressed layer; checked when it is given. */
  readonly diffId?: string;
  readonly signal?: AbortSignal;
}

/** What became of a layer. */
export interface UnpackReport {
  /** Digest of the uncompressed layer. */
  readonly diffId: string;
  readonly entries: number;
  /** Bytes of file content. */
  readonly bytes: number;
  /** Devices, pipes and entries of unknown type, which are not made. */
  readonly skipped: number;
}

/**
 * Unpacks one layer onto a directory that holds the layers below it: whiteouts remove, directories merge, all else replaces.
 *
 * Nothing outside the directory is read or written, whatever the archive says: names cannot climb, links are followed as seen
 * from the directory, hard links lead to files in it. Nobody else may change the directory meanwhile. File calls are
 * synchronous, each short: that is several times faster than the thread pool for many small files.
 *
 * @throws OciError `UnsafeContent`, `TooLarge` or `InvalidContent`; system errors such as ENOSPC as they are. The directory then holds a
 * part of the layer and must be thrown away.
 */
export async function unpackLayer(
  bytes: AsyncIterable<Uint8Array>,
  directory: string,
  options: UnpackOptions = {},
): Promise<UnpackReport> {
  const limits = { ...defaultArchiveLimits, ...options.limits };
  const meter = openDigestMeter();
  async function* metered(): AsyncGenerator<Uint8Array, void> {
    for await (const chunk of decompress(bytes, limits)) {
      options.signal?.throwIfAborted();
      meter.update(chunk);
      yield chunk;
    }
  }
  const layer = openLayer(directory, options);
  for await (const entry of readTar(metered())) {
    if (++layer.entries > limits.entriesMax) {
      throw new OciError("TooLarge", `the archive has more than ${limits.entriesMax} entries`);
    }
    checkName(entry.header, limits.pathBytesMax);
    await unpackEntry(entry, layer);
  }
  finishDirectories(layer);
  const diffId = meter.digest();
  if (options.diffId !== undefined && options.diffId !== diffId) {
    throw new OciError("InvalidContent", `the layer's content is ${diffId}, where its image says ${options.diffId}`);
  }
  return { diffId, entries: layer.entries, bytes: layer.bytes, skipped: layer.skipped };
}

/** The layer that is being unpacked. */
interface Layer {
  readonly root: string;
  readonly owners: "keep" | "self";
  readonly isShared: boolean;
  readonly paths: RootedPaths;
  readonly whiteouts: Whiteouts;
  /** Directories of this layer, whose times and modes are set last: what is made in them would change or need them. */
  readonly directories: Map<string, Header>;
  entries: number;
  bytes: number;
  skipped: number;
}

function openLayer(root: string, { owners = defaultOwners(), isShared = false }: UnpackOptions): Layer {
  const paths = openRootedPaths(root);
  const whiteouts = openWhiteouts(paths);
  return { root, owners, isShared, paths, whiteouts, directories: new Map(), entries: 0, bytes: 0, skipped: 0 };
}

function defaultOwners(): "keep" | "self" {
  return process.geteuid?.() === 0 ? "keep" : "self";
}

/** The mode bits of an entry that are given to what is made. */
function modeOf({ mode }: Header, { isShared }: Layer, mask: number): number {
  return (mode & mask) | (isShared ? (mode & 0o700) >> 3 : 0);
}

function checkName({ name, linkname }: Header, pathBytesMax: number): void {
  // A link has no linkname in the types of tar-stream's, but null in its headers.
  for (const path of [name, linkname ?? ""]) {
    if (Buffer.byteLength(path) > pathBytesMax) {
      throw new OciError("UnsafeContent", `the archive has a path longer than ${pathBytesMax} bytes: ${quoted(path)}`);
    }
  }
}

async function unpackEntry({ header, content }: TarEntry, layer: Layer): Promise<void> {
  const { paths, whiteouts } = layer;
  if (isRoot(header.name)) {
    if (header.type === "directory") layer.directories.set(layer.root, header);
    return;
  }
  if (whiteouts.apply(header.name)) return;
  const { directory, name } = paths.locate(header.name);
  const path = join(directory, name);
  switch (header.type) {
    case "directory":
      makeDirectory(path, header, layer);
      break;
    case "file":
    case "contiguous-file":
      clear(path, layer);
      await writeFile(path, { header, content }, layer);
      break;
    case "symlink":
      clear(path, layer);
      fs.symlinkSync(header.linkname ?? "", path);
      own(path, header, layer);
      fs.lutimesSync(path, header.mtime, header.mtime);
      break;
    case "link":
      makeHardLink(path, header, layer);
      break;
    default:
      // Devices and pipes: a container gets its own, and making them needs rights that unpacking should not have.
      layer.skipped++;
      return;
  }
  whiteouts.keep(path);
}

function isRoot(name: string): boolean {
  return /^[./]*$/.test(name) && !name.includes("..");
}

/** Removes what is in an entry's place. It never follows a link. */
function clear(path: string, { paths }: Layer): void {
  const found = fs.lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (found.isDirectory() || found.isSymbolicLink()) paths.forget();
  fs.rmSync(path, { recursive: true });
}

function makeDirectory(path: string, header: Header, layer: Layer): void {
  const found = fs.lstatSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory() !== true) {
    clear(path, layer);
    fs.mkdirSync(path, 0o700);
  }
  layer.directories.set(path, header);
}

async function writeFile(path: string, { header, content }: TarEntry, layer: Layer): Promise<void> {
  // "wx" is O_EXCL: it makes a new file or fails, and follows nothing.
  const file = fs.openSync(path, "wx", 0o600);
  try {
    for await (const chunk of content) {
      layer.bytes += chunk.length;
      writeWhole(file, chunk);
    }
    const isOwned = layer.owners === "keep" && tryOwn(() => fs.fchownSync(file, header.uid, header.gid));
    fs.fchmodSync(file, modeOf(header, layer, isOwned ? 0o7777 : 0o1777));
    fs.futimesSync(file, header.mtime, header.mtime);
  } finally {
    fs.closeSync(file);
  }
}

function writeWhole(file: number, chunk: Uint8Array): void {
  for (let written = 0; written < chunk.length;) {
    written += fs.writeSync(file, chunk, written, chunk.length - written);
  }
}

/** Links to a file or a symbolic link of this layer or one below, found as seen from the root. */
function makeHardLink(path: string, { name, linkname }: Header, layer: Layer): void {
  const target = layer.paths.find(linkname ?? "");
  const targetPath = target === undefined ? undefined : join(target.directory, target.name);
  const found = targetPath === undefined ? undefined : fs.lstatSync(targetPath, { throwIfNoEntry: false });
  if (targetPath === undefined || found === undefined || found.isDirectory()) {
    throw new OciError(
      "InvalidContent",
      `the archive links ${quoted(name)} to ${quoted(linkname ?? "")}, which is no file in it`,
    );
  }
  if (targetPath === path) return;
  clear(path, layer);
  fs.linkSync(targetPath, path);
}

function own(path: string, { uid, gid }: Header, { owners }: Layer): boolean {
  return owners === "keep" && tryOwn(() => fs.lchownSync(path, uid, gid));
}

/** A user namespace has only some ids; what has none becomes ours. */
function tryOwn(chown: () => void): boolean {
  try {
    chown();
    return true;
  } catch (error) {
    if (["EINVAL", "EPERM"].includes(String((error as NodeJS.ErrnoException).code))) return false;
    throw error;
  }
}

/** Deepest first, so that a directory's time is set after all that is done in it. */
function finishDirectories(layer: Layer): void {
  for (const [path, header] of [...layer.directories].toReversed()) {
    if (!isStillThere(path)) continue;
    const isOwned = own(path, header, layer);
    fs.chmodSync(path, modeOf(header, layer, isOwned ? 0o7777 : 0o1777) | (isOwned ? 0 : 0o700));
    fs.utimesSync(path, header.mtime, header.mtime);
  }
}

/** A later entry of the same archive may have put something else there, or a link in its way that leads anywhere. */
function isStillThere(path: string): boolean {
  const found = fs.lstatSync(path, { throwIfNoEntry: false });
  return found?.isDirectory() === true && fs.realpathSync.native(path) === path;
}
