import { randomBytes } from "node:crypto";
import { copyFile, mkdir, open, readdir, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errorCode } from "../error-code.ts";
import type { CacheStore } from "./cache-store.ts";

const draftSuffix = ".draft";

/** A store in a directory that several nodes or only this one may see. Several Pods may use it at once. */
export function openDirectoryStore(directory: string): CacheStore {
  const pathOf = (name: string): string => join(directory, name);
  const write = async (name: string, fill: (draft: string) => Promise<void>): Promise<void> => {
    const path = pathOf(name);
    await mkdir(dirname(path), { recursive: true });
    const draft = `${path}.${randomBytes(6).toString("hex")}${draftSuffix}`;
    try {
      await fill(draft);
      await using handle = await open(draft, "r");
      await handle.sync();
      await rename(draft, path);
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  };
  return {
    readText: async (name) => await orMissing(readFile(pathOf(name), "utf8")),
    readFile: async (name, to, bytesMax) => {
      const stats = await orMissing(stat(pathOf(name)));
      if (stats === undefined || stats.size > bytesMax) return false;
      return (await orMissing(copyFile(pathOf(name), to).then(() => true))) === true;
    },
    writeText: async (name, text) =>
      await write(name, async (draft) => {
        await using handle = await open(draft, "wx", 0o660);
        await handle.writeFile(text);
      }),
    writeFile: async (name, from) => await write(name, async (draft) => await copyFile(from, draft)),
    touch: async (name) => {
      const now = new Date();
      await orMissing(utimes(pathOf(name), now, now));
    },
    trim: async (bytesMax) => await trim(directory, bytesMax),
  };
}

async function trim(directory: string, bytesMax: number): Promise<void> {
  const files: { path: string; bytes: number; usedMs: number }[] = [];
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const stats = await orMissing(stat(path));
    if (stats !== undefined) files.push({ path, bytes: stats.size, usedMs: stats.mtimeMs });
  }
  let bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  for (const file of files.toSorted((a, b) => a.usedMs - b.usedMs)) {
    if (bytes <= bytesMax) return;
    await rm(file.path, { force: true });
    bytes -= file.bytes;
  }
}

/** Another Pod may remove or replace any file at any time. */
async function orMissing<T>(value: Promise<T>): Promise<T | undefined> {
  try {
    return await value;
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errorCode(error) ?? "")) return undefined;
    throw error;
  }
}
