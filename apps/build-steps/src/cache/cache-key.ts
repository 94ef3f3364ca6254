import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, readlink, stat } from "node:fs/promises";
import { join } from "node:path";
import { StepFailure, UsageError } from "../step-failure.ts";
import { compileGlob } from "../workspace/glob.ts";

/** What decides about an entry: the same of all of it, the same entry. */
export interface KeyInput {
  readonly workspace: string;
  /** Globs below the workspace. */
  readonly globs: readonly string[];
  /** What is kept: other paths, other entry. */
  readonly paths: readonly string[];
}

/** Of how many files the key was made, and what it is. */
export interface CacheKey {
  /** 64 hexadecimal digits. */
  readonly key: string;
  readonly files: number;
}

// Raised whenever the same files must not lead to older entries any more.
const formatVersion = "1";
const filesMax = 200_000;
const bytesMax = 4 * 1024 ** 3;

/** Hashes names and content of all files that the globs fit. Links count by where they lead; `.git` never counts. */
export async function computeKey({ workspace, globs, paths }: KeyInput, signal: AbortSignal): Promise<CacheKey> {
  const hash = createHash("sha256");
  const add = (text: string): void => void hash.update(`${Buffer.byteLength(text)}:${text}`);
  for (const text of [formatVersion, process.arch, ...paths.toSorted()]) add(text);
  let [files, bytes] = [0, 0];
  for (const path of await findFiles(workspace, globs)) {
    signal.throwIfAborted();
    const file = join(workspace, path.name);
    files += 1;
    const stats = path.isLink ? undefined : await stat(file);
    bytes += stats?.size ?? 0;
    if (files > filesMax || bytes > bytesMax) {
      throw new StepFailure(
        "CacheKeyTooLarge",
        `the cache's key takes more than ${filesMax} files or 4 GiB; use narrower globs`,
      );
    }
    add(path.name);
    if (stats === undefined) add(`-> ${await readlink(file)}`);
    else add(`${await hashFile(file)}${(stats.mode & 0o111) === 0 ? "" : " x"}`);
  }
  return { key: hash.digest("hex"), files };
}

interface Found {
  readonly name: string;
  readonly isLink: boolean;
}

async function findFiles(workspace: string, globs: readonly string[]): Promise<Found[]> {
  for (const glob of globs) {
    if (glob === "" || glob.startsWith("/") || glob.split("/").includes("..")) {
      throw new UsageError(`--key takes globs below the workspace, got ${JSON.stringify(glob)}`);
    }
  }
  const patterns = globs.map(compileGlob);
  const found: Found[] = [];
  const walk = async (folder: string): Promise<void> => {
    for (const entry of await readdir(join(workspace, folder), { withFileTypes: true })) {
      if (entry.name === ".git" || (folder === "" && entry.name.startsWith(".kelvin-"))) continue;
      const name = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) await walk(name);
      else if ((entry.isFile() || entry.isSymbolicLink()) && patterns.some((fits) => fits(name))) {
        found.push({ name, isLink: entry.isSymbolicLink() });
      }
    }
  };
  await walk("");
  return found.toSorted((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
}

async function hashFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) hash.update(chunk);
  return hash.digest("hex");
}
