import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, normalize } from "node:path";

/** The content of a volume: relative paths to bytes. */
export type ProjectedFiles = ReadonlyMap<string, { readonly content: Buffer | string; readonly mode: number }>;

/**
 * Puts files into a volume so that a reader sees the old set or the new one, never a mixture: the files lie in a directory
 * of their own behind the link `..data`, which is replaced in one step, and the visible names are links through it.
 * This is the kubelet's layout; programs that watch their configuration rely on it. The files belong to `group`, if any.
 */
export function writeProjectedFiles(
  directory: string,
  files: ProjectedFiles,
  { version, group }: { readonly version: string; readonly group?: number | undefined },
): void {
  if (isWritten(directory, files)) return;
  const stamp = `..${version}`;
  mkdirSync(join(directory, stamp), { recursive: true });
  for (const [path, { content, mode }] of files) {
    const file = join(directory, stamp, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    if (group !== undefined) giveToGroup(file, group);
    // Not left to the umask.
    chmodSync(file, mode);
  }
  const link = join(directory, "..data");
  const previous = readLink(link);
  rmSync(`${link}_tmp`, { force: true });
  symlinkSync(stamp, `${link}_tmp`);
  renameSync(`${link}_tmp`, link);
  const names = new Set([...files.keys()].map((path) => path.split("/")[0] ?? path));
  for (const name of names) linkOnce(directory, name);
  removeStaleLinks(directory, names);
  if (previous !== undefined && previous !== stamp) rmSync(join(directory, previous), { recursive: true, force: true });
}

function giveToGroup(file: string, group: number): void {
  try {
    chownSync(file, -1, group);
  } catch {
    // An ordinary user cannot, and has nobody else to share with.
  }
}

/** Whether a key or path may become a file of a volume: relative and inside it. */
export function isVolumePath(path: string): boolean {
  return path !== "" && !path.startsWith("/") && !normalize(path).split("/").includes("..") && !path.startsWith("..");
}

/** Whether the volume holds exactly these bytes already: then nobody who watches it is to be woken. */
function isWritten(directory: string, files: ProjectedFiles): boolean {
  const root = join(directory, "..data");
  if (readLink(root) === undefined) return false;
  const present = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  if (present.length !== files.size) return false;
  return [...files].every(([path, { content, mode }]) => {
    const file = join(root, path);
    const stats = statSync(file, { throwIfNoEntry: false });
    return stats?.isFile() === true && (stats.mode & 0o777) === mode && readFileSync(file).equals(Buffer.from(content));
  });
}

/** Names whose key is gone lead nowhere. */
function removeStaleLinks(directory: string, names: ReadonlySet<string>): void {
  for (const name of readdirSync(directory)) {
    const isOurs = readLink(join(directory, name)) === join("..data", name);
    if (isOurs && !names.has(name)) rmSync(join(directory, name));
  }
}

function linkOnce(directory: string, name: string): void {
  const link = join(directory, name);
  if (readLink(link) === undefined) symlinkSync(join("..data", name), link);
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    // Not there yet.
    return undefined;
  }
}
