import { mkdirSync } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { verified } from "./digest.ts";
import { OciError } from "./errors.ts";
import { isDigest } from "./image-reference.ts";
import type { Descriptor } from "./manifest.ts";

const { randomUUID } = process.getBuiltinModule("node:crypto");

/**
 * Content by digest in a directory, `blobs/sha256/<hex>` as in an OCI layout. What is under its digest is whole and right:
 * it got there by a rename after it was checked and on disk. Any number of processes may share the directory.
 */
export interface ContentStore {
  readonly directory: string;
  /** Whether the content is there, in the descriptor's size. */
  has(content: Pick<Descriptor, "digest" | "size">): Promise<boolean>;
  /**
   * Makes the content be there; `bytes` is not read when it is already.
   * @throws OciError `InvalidContent` when the bytes are not what the descriptor says; what `bytes` and the disk throw.
   */
  write(content: Pick<Descriptor, "digest" | "size">, bytes: () => AsyncIterable<Uint8Array>): Promise<void>;
  /** Streams content. @throws OciError `NotFound` when it is not there. */
  read(digest: string): AsyncGenerator<Uint8Array, void>;
  /** The file of some content, whether or not it is there. */
  pathOf(digest: string): string;
  /** A new name for a file that is still being written. What is there when its writer dies is removed by `sweep`. */
  temporaryPath(): string;
  /** Puts a finished temporary file under its digest, after everything of it is on disk. */
  adopt(temporaryPath: string, digest: string): Promise<void>;
  /** Removes temporary files last written before a time: those of writers that were killed. */
  sweep(beforeMs: number): Promise<void>;
}

const readBytes = 256 * 1024;

/** Opens a store; the directory is made if it is missing. */
export function openContentStore(directory: string): ContentStore {
  const temporary = join(directory, "tmp");
  for (const path of [join(directory, "blobs", "sha256"), temporary]) mkdirSync(path, { recursive: true });
  const store: ContentStore = {
    directory,
    pathOf(digest) {
      if (!isDigest(digest)) throw new OciError("InvalidContent", `${JSON.stringify(digest)} is no digest`);
      return join(directory, "blobs", ...digest.split(":"));
    },
    temporaryPath: () => join(temporary, randomUUID()),
    async has({ digest, size }) {
      const found = await stat(store.pathOf(digest)).catch(ifMissing);
      return found !== undefined && found.size === size;
    },
    async write(content, bytes) {
      if (await store.has(content)) return;
      const path = store.temporaryPath();
      try {
        await writeFile(path, verified(bytes(), content));
        await store.adopt(path, content.digest);
      } catch (error) {
        await rm(path, { force: true });
        throw error;
      }
    },
    read: (digest) => readFile(store.pathOf(digest), digest),
    async adopt(temporaryPath, digest) {
      const path = store.pathOf(digest);
      if (digest.startsWith("sha512:")) await mkdir(dirname(path), { recursive: true });
      await syncPath(temporaryPath);
      await rename(temporaryPath, path);
      await syncPath(dirname(path));
    },
    async sweep(beforeMs) {
      for (const name of await readdir(temporary)) {
        const path = join(temporary, name);
        const found = await stat(path).catch(ifMissing);
        if (found !== undefined && found.mtimeMs < beforeMs) await rm(path, { force: true, recursive: true });
      }
    },
  };
  return store;
}

/** Waits until a file's content, or a directory's list of names, is on disk. */
export async function syncPath(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function writeFile(path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, "wx", 0o644);
  try {
    for await (const chunk of bytes) await file.writeFile(chunk);
  } finally {
    await file.close();
  }
}

async function* readFile(path: string, digest: string): AsyncGenerator<Uint8Array, void> {
  const file = await open(path, "r").catch(ifMissing);
  if (file === undefined) throw new OciError("NotFound", `${digest} is not in the content store`);
  try {
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(readBytes), 0, readBytes);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

function ifMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT") return undefined;
  throw error;
}
