import { mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

/** The content of a volume: relative paths to bytes. */
export type ProjectedFiles = ReadonlyMap<string, { readonly content: Buffer | string; readonly mode: number }>;

/**
 * Puts files into a volume so that a reader sees the old set or the new one, never a mixture: the files lie in a directory
 * of their own behind the link `..data`, which is replaced in one step, and the visible names are links through it.
 * This is the kubelet's layout; programs that watch their configuration rely on it.
 */
export function writeProjectedFiles(directory: string, files: ProjectedFiles, version: string): void {
  const stamp = `..${version}`;
  mkdirSync(join(directory, stamp), { recursive: true });
  for (const [path, { content, mode }] of files) {
    const file = join(directory, stamp, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content, { mode });
  }
  const link = join(directory, "..data");
  const previous = readLink(link);
  rmSync(`${link}_tmp`, { force: true });
  symlinkSync(stamp, `${link}_tmp`);
  renameSync(`${link}_tmp`, link);
  for (const name of new Set([...files.keys()].map((path) => path.split("/")[0] ?? path))) linkOnce(directory, name);
  if (previous !== undefined && previous !== stamp) rmSync(join(directory, previous), { recursive: true, force: true });
}

/** Whether a key or path may become a file of a volume: relative and inside it. */
export function isVolumePath(path: string): boolean {
  return path !== "" && !path.startsWith("/") && !normalize(path).split("/").includes("..") && !path.startsWith("..");
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
