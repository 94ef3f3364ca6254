import { mkdirSync } from "node:fs";
import { open, readdir, rm, stat, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { openDigestMeter, type ContentStore, type DigestMeter } from "@kelvin/oci/content";
import { RegistryError } from "../api/registry-error.ts";
import { findText, ifMissing, isDiskFull, type DurableFiles } from "./durable-file.ts";

const { randomUUID } = process.getBuiltinModule("node:crypto");

/** Blobs that are coming in. What has come is in a file, so an upload goes on after a restart of the registry. */
export interface Uploads {
  start(repository: string): Promise<string>;
  /** How many bytes have come; undefined when the repository has no such upload. */
  find(upload: UploadName): Promise<number | undefined>;
  /**
   * Appends bytes and returns how many there are now. What came before an error stays, but on a full disk the upload goes.
   * @throws RegistryError when `startAt` is not where the upload is, or when it grows beyond the limit.
   */
  append(upload: UploadName, chunk: Chunk): Promise<number>;
  /** Puts the upload into the store under its digest. @throws RegistryError `DIGEST_INVALID`, after which it is gone. */
  finish(upload: UploadName, digest: string): Promise<void>;
  cancel(upload: UploadName): Promise<boolean>;
  /** Removes uploads to which nothing came since a time. */
  expire(beforeMs: number): Promise<void>;
}

export interface UploadName {
  readonly repository: string;
  readonly id: string;
}

/** Bytes for an upload. */
export interface Chunk {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Where the client thinks that the upload is. */
  readonly startAt?: number;
  /** How many bytes the client says that there are. */
  readonly length?: number;
}

/** What uploads are kept with. */
export interface UploadsDeps {
  readonly content: ContentStore;
  readonly files: DurableFiles;
  readonly blobBytesMax: number;
}

const metersMax = 256;

/** The files and digests of uploads. */
interface Shelf extends UploadsDeps {
  readonly directory: string;
  readonly pathOf: (id: string) => string;
  /** Names the repository that the upload belongs to. */
  readonly notePathOf: (id: string) => string;
  /** Digests of what has come so far, so that the end need not read it all again. One that is missing costs only that. */
  readonly meters: Map<string, DigestMeter>;
}

/** Opens the uploads below a directory, which must be on the content's disk. */
export function openUploads(directory: string, deps: UploadsDeps): Uploads {
  mkdirSync(directory, { recursive: true });
  const shelf: Shelf = {
    ...deps,
    directory,
    pathOf: (id) => join(directory, `${id}.content`),
    notePathOf: (id) => join(directory, `${id}.repository`),
    meters: new Map(),
  };
  const lines = openLines();
  return {
    find: (upload) => findSize(upload, shelf),
    async start(repository) {
      const id = randomUUID();
      await deps.files.write(shelf.notePathOf(id), repository);
      rememberMeter(shelf.meters, id, openDigestMeter());
      return id;
    },
    append: (upload, chunk) => lines.run(upload.id, () => append(upload, chunk, shelf)),
    finish: (upload, digest) => lines.run(upload.id, () => finish(upload, digest, shelf)),
    cancel: (upload) =>
      lines.run(upload.id, async () => {
        if ((await findSize(upload, shelf)) === undefined) return false;
        await remove(upload.id, shelf);
        return true;
      }),
    async expire(beforeMs) {
      const ids = new Set((await readdir(directory)).map((name) => name.replace(/\.(?:content|repository)$/, "")));
      for (const id of ids) {
        if (!lines.isBusy(id) && (await isOlder(id, { beforeMs, shelf }))) await remove(id, shelf);
      }
    },
  };
}

async function findSize({ repository, id }: UploadName, { pathOf, notePathOf }: Shelf): Promise<number | undefined> {
  if ((await findText(notePathOf(id))) !== repository) return undefined;
  return (await stat(pathOf(id)).catch(ifMissing))?.size ?? 0;
}

async function requireSize(upload: UploadName, shelf: Shelf): Promise<number> {
  const size = await findSize(upload, shelf);
  if (size === undefined) throw new RegistryError("BLOB_UPLOAD_UNKNOWN", "there is no such upload: start it again");
  return size;
}

async function append(upload: UploadName, chunk: Chunk, shelf: Shelf): Promise<number> {
  const size = await requireSize(upload, shelf);
  checkStart(size, chunk);
  const file = await open(shelf.pathOf(upload.id), "a");
  try {
    const meter = shelf.meters.get(upload.id);
    return await writeChunk(chunk, { file, size, bytesMax: shelf.blobBytesMax, meter });
  } catch (error) {
    // Bytes may have gone to the digest and not to the file.
    shelf.meters.delete(upload.id);
    // What fills the disk must not stay there: with it nobody could push anything, this client neither.
    if (isDiskFull(error)) await remove(upload.id, shelf);
    throw error;
  } finally {
    await file.close();
  }
}

async function finish(upload: UploadName, digest: string, shelf: Shelf): Promise<void> {
  const size = await requireSize(upload, shelf);
  const path = shelf.pathOf(upload.id);
  if (size === 0) await (await open(path, "a")).close();
  const meter = shelf.meters.get(upload.id);
  // A meter gives its digest once.
  shelf.meters.delete(upload.id);
  const actual = await digestOfUpload(path, { meter, size, digest });
  if (actual !== digest) {
    await remove(upload.id, shelf);
    throw new RegistryError("DIGEST_INVALID", `what came has the digest ${actual}, not ${digest}: push it again`);
  }
  await shelf.content.adopt(path, digest);
  await remove(upload.id, shelf);
}

async function remove(id: string, { meters, pathOf, notePathOf }: Shelf): Promise<void> {
  meters.delete(id);
  await rm(pathOf(id), { force: true });
  await rm(notePathOf(id), { force: true });
}

async function isOlder(id: string, { beforeMs, shelf }: { beforeMs: number; shelf: Shelf }): Promise<boolean> {
  const times = await Promise.all([shelf.pathOf(id), shelf.notePathOf(id)].map((path) => stat(path).catch(ifMissing)));
  return times.every((found) => found === undefined || found.mtimeMs < beforeMs);
}

function checkStart(size: number, { startAt }: Chunk): void {
  if (startAt === undefined || startAt === size) return;
  throw new RegistryError("BLOB_UPLOAD_INVALID", `the upload is at byte ${size}, not ${startAt}`, { status: 416 });
}

interface Writing {
  readonly file: FileHandle;
  readonly size: number;
  readonly bytesMax: number;
  readonly meter: DigestMeter | undefined;
}

async function writeChunk({ bytes, length }: Chunk, { file, size, bytesMax, meter }: Writing): Promise<number> {
  let at = size;
  for await (const piece of bytes) {
    if (at + piece.length > bytesMax) {
      throw new RegistryError("SIZE_INVALID", `the blob is larger than ${bytesMax} bytes`, { status: 413 });
    }
    await file.writeFile(piece);
    meter?.update(piece);
    at += piece.length;
  }
  if (length !== undefined && at - size !== length) {
    throw new RegistryError("SIZE_INVALID", `${at - size} bytes came where ${length} were announced`);
  }
  return at;
}

interface Finishing {
  readonly meter: DigestMeter | undefined;
  readonly size: number;
  readonly digest: string;
}

async function digestOfUpload(path: string, { meter, size, digest }: Finishing): Promise<string> {
  if (meter?.bytes === size && digest.startsWith("sha256:")) return meter.digest();
  const whole = openDigestMeter(digest.startsWith("sha512:") ? "sha512" : "sha256");
  const file = await open(path, "r");
  for await (const piece of file.createReadStream({ highWaterMark: 256 * 1024 })) whole.update(piece as Buffer);
  return whole.digest();
}

function rememberMeter(meters: Map<string, DigestMeter>, id: string, meter: DigestMeter): void {
  const [oldest] = meters.keys();
  if (meters.size >= metersMax && oldest !== undefined) meters.delete(oldest);
  meters.set(id, meter);
}

/** Lets one thing happen to an upload at a time: a client that was cut off may be back before we have noticed. */
interface Lines {
  run<T>(id: string, work: () => Promise<T>): Promise<T>;
  isBusy(id: string): boolean;
}

function openLines(): Lines {
  const last = new Map<string, Promise<unknown>>();
  return {
    isBusy: (id) => last.has(id),
    async run(id, work) {
      const before = last.get(id);
      const running = (async () => {
        await before?.catch(() => undefined);
        return await work();
      })();
      last.set(id, running);
      try {
        return await running;
      } finally {
        if (last.get(id) === running) last.delete(id);
      }
    },
  };
}
