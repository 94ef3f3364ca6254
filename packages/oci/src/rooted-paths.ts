import { lstatSync, mkdirSync, readlinkSync, rmSync, type Stats } from "node:fs";
import { join } from "node:path";
import { OciError } from "./errors.ts";

/** Paths below one directory, as a process would see them whose root the directory is. */
export interface RootedPaths {
  /**
   * The real directory of an entry's parent and the entry's own name. Links on the way are followed as seen from the root
   * and never leave it; missing directories are made.
   *
   * @throws OciError `UnsafeContent` when the name climbs, has no last part, or its parent is no directory.
   */
  locate(name: string): { directory: string; name: string };
  /** As `locate`, but makes nothing; undefined when the parent is not there. */
  find(name: string): { directory: string; name: string } | undefined;
  /** Must be called whenever something that may have been a directory or a link is replaced or removed. */
  forget(): void;
}

const linksMax = 40;
const knownMax = 10_000;

/** Opens the paths below a directory that nobody else changes meanwhile. */
export function openRootedPaths(root: string): RootedPaths {
  const known = new Map<string, string>();
  const resolveParent = (parts: readonly string[], make: boolean): string | undefined => {
    const key = parts.join("/");
    const before = known.get(key);
    if (before !== undefined) return before;
    const directory = walk(root, { parts, make });
    if (directory === undefined) return undefined;
    if (known.size >= knownMax) known.clear();
    known.set(key, directory);
    return directory;
  };
  return {
    locate(path) {
      const parts = splitName(path);
      const name = parts.pop() ?? "";
      const directory = resolveParent(parts, true);
      if (directory === undefined) throw new OciError("UnsafeContent", `${JSON.stringify(path)} is below no directory`);
      return { directory, name };
    },
    find(path) {
      const parts = splitName(path);
      const name = parts.pop() ?? "";
      const directory = resolveParent(parts, false);
      return directory === undefined ? undefined : { directory, name };
    },
    forget: () => known.clear(),
  };
}

/**
 * The parts of an entry's name. A leading `/` or `./` means the root, as all archive tools take it.
 *
 * @throws OciError `UnsafeContent` when a part is `..` or the name has a NUL.
 */
export function splitName(path: string): string[] {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw new OciError("UnsafeContent", `the archive climbs out of its root: ${quoted(path)}`);
  if (path.includes("\0")) throw new OciError("UnsafeContent", `the archive has a name with a NUL: ${quoted(path)}`);
  return parts;
}

/** A name for a message, in a bounded length. */
export function quoted(path: string): string {
  return JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path);
}

/** Follows parts from the root, links included, keeping to the root whatever they say. */
function walk(root: string, { parts, make }: { parts: readonly string[]; make: boolean }): string | undefined {
  const rest = parts.toReversed();
  let at: string[] = [];
  let links = 0;
  for (let part = rest.pop(); part !== undefined; part = rest.pop()) {
    if (part === "" || part === ".") continue;
    if (part === "..") {
      at = at.slice(0, -1);
      continue;
    }
    const path = join(root, ...at, part);
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found?.isSymbolicLink() === true) {
      if (++links > linksMax)
        throw new OciError("UnsafeContent", `too many links on the way to ${quoted(parts.join("/"))}`);
      const target = readlinkSync(path);
      if (target.startsWith("/")) at = [];
      rest.push(...target.split("/").toReversed());
      continue;
    }
    if (!enter(path, { found, make })) return undefined;
    at = [...at, part];
  }
  return join(root, ...at);
}

function enter(path: string, { found, make }: { found: Stats | undefined; make: boolean }): boolean {
  if (found?.isDirectory() === true) return true;
  if (!make) return false;
  // A file where the archive says there is a directory: the archive is newer.
  if (found !== undefined) rmSync(path);
  mkdirSync(path, 0o755);
  return true;
}
