import { constants } from "node:fs";
import { mkdir, open, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { openPromise } from "yauzl";
import type { Entry, ZipFile } from "yauzl";
import { errorText } from "../error-code.ts";
import { StepFailure } from "../step-failure.ts";
import { spend } from "../workspace/limits.ts";
import type { Budget } from "../workspace/limits.ts";
import { pathBytesMax, ratioMax } from "./unpack.ts";

const depthMax = 128;
const linkBytesMax = 4096;
const ratioFreeBytes = 64 * 1024 * 1024;

/** What is being unpacked, and what has come of it so far. */
interface Unpacking {
  readonly zip: ZipFile;
  readonly dir: string;
  readonly budget: Budget;
  /** Everything made so far: no entry takes another's place. */
  readonly made: Set<string>;
  /** Made last of all, so that nothing is written through them. */
  readonly links: { readonly path: string; readonly target: string }[];
}

/** Unpacks a zip archive into an empty directory. @throws StepFailure as `unpackArchive`. */
export async function unpackZip(file: string, dir: string, budget: Budget): Promise<void> {
  try {
    // yauzl refuses absolute names, "..", and sizes that the content does not have.
    const zip = await openPromise(file, { strictFileNames: true, validateEntrySizes: true });
    const unpacking: Unpacking = { zip, dir, budget, made: new Set(), links: [] };
    for await (const entry of zip.eachEntry()) await unpackEntry(entry, unpacking);
    for (const { path, target } of unpacking.links) await symlink(target, path);
  } catch (error) {
    throw explain(error);
  }
}

async function unpackEntry(entry: Entry, unpacking: Unpacking): Promise<void> {
  const { zip, dir, made } = unpacking;
  const parts = checkName(entry);
  const mode = (entry.externalFileAttributes >>> 16) & 0xffff;
  const type = mode & constants.S_IFMT;
  const path = join(dir, ...parts);
  if (entry.fileName.endsWith("/")) {
    spend(unpacking.budget, 0, 1);
    if (parts.length > 0) await makeParents(join(path, "x"), unpacking);
    return;
  }
  if (parts.length === 0 || made.has(path)) throw unsafe(`has the entry ${quote(entry)} twice`);
  if (![0, constants.S_IFREG, constants.S_IFLNK].includes(type)) throw unsafe(`has the special file ${quote(entry)}`);
  await makeParents(path, unpacking);
  made.add(path);
  if (type === constants.S_IFLNK) {
    if (entry.uncompressedSize > linkBytesMax) throw unsafe(`has the link ${quote(entry)} with too long a target`);
    const chunks: Buffer[] = [];
    for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer);
    spend(unpacking.budget, 0, 1);
    unpacking.links.push({ path, target: Buffer.concat(chunks).toString() });
    return;
  }
  await writeEntry(entry, { path, isExecutable: (mode & 0o111) !== 0 }, unpacking);
}

interface Target {
  readonly path: string;
  readonly isExecutable: boolean;
}

async function writeEntry(entry: Entry, target: Target, { zip, budget }: Unpacking): Promise<void> {
  if (entry.uncompressedSize > ratioFreeBytes && entry.uncompressedSize > entry.compressedSize * ratioMax) {
    throw unsafe(`has the entry ${quote(entry)}, which grows more than ${ratioMax} times`);
  }
  spend(budget, 0, 1);
  // "wx" makes a new file or fails, and follows nothing.
  await using handle = await open(target.path, "wx", target.isExecutable ? 0o777 : 0o666);
  for await (const chunk of await zip.openReadStreamPromise(entry)) {
    spend(budget, (chunk as Buffer).length, 0);
    await handle.writeFile(chunk as Buffer);
  }
}

function checkName(entry: Entry): string[] {
  const parts = entry.fileName.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..") || entry.fileName.startsWith("/") || entry.fileName.includes("\0")) {
    throw unsafe(`has the entry ${quote(entry)}, which leads out of it`);
  }
  if (Buffer.byteLength(entry.fileName) > pathBytesMax || parts.length > depthMax) {
    throw unsafe(`has the entry ${quote(entry)}, which is nested too deep`);
  }
  return parts;
}

/** Directories only ever come from here, and links from nowhere yet: what exists is a directory or a file of ours. */
async function makeParents(path: string, { dir, made }: Unpacking): Promise<void> {
  for (let parent = dirname(path); parent.length > dir.length; parent = dirname(parent)) {
    if (made.has(parent)) throw unsafe("has a file and a directory of one name");
  }
  await mkdir(dirname(path), { recursive: true });
}

function quote(entry: Entry): string {
  return JSON.stringify(entry.fileName.slice(0, 200));
}

function unsafe(what: string): StepFailure {
  return new StepFailure("ArchiveUnsafe", `the archive ${what}; make it anew without that`);
}

function explain(error: unknown): unknown {
  if (error instanceof StepFailure || typeof (error as { code?: unknown }).code === "string") return error;
  const text = errorText(error);
  if (/invalid (relative|characters)|absolute path/.test(text)) return unsafe(`leads out of itself (${text})`);
  return new StepFailure("ArchiveInvalid", `the zip archive cannot be read (${text}); make it anew`);
}
