import { lstatSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { OciError } from "./errors.ts";
import { quoted, splitName, type RootedPaths } from "./rooted-paths.ts";

/** The removals that a layer asks for; they spare what the same layer brings, wherever in it that stands. */
export interface Whiteouts {
  /** Carries a name out if it is a whiteout; whether it is one. @throws OciError `UnsafeContent` when it names no file. */
  apply(name: string): boolean;
  /** Notes what the layer has brought. */
  keep(path: string): void;
}

const prefix = ".wh.";
const opaque = ".wh..wh..opq";

/** Opens the whiteouts of one layer. */
export function openWhiteouts(paths: RootedPaths): Whiteouts {
  const kept = new Set<string>();
  return {
    keep: (path) => void kept.add(path),
    apply(path) {
      const name = splitName(path).at(-1) ?? "";
      if (!name.startsWith(prefix)) return false;
      // Other names of this form are notes that an old storage driver has left behind.
      if (name.startsWith(".wh..wh.") && name !== opaque) return true;
      const place = paths.find(path);
      if (name === opaque) {
        if (place !== undefined) removeBelow(place.directory, kept);
      } else {
        const target = name.slice(prefix.length);
        if (["", ".", ".."].includes(target)) {
          throw new OciError("UnsafeContent", `the archive has a whiteout of nothing: ${quoted(path)}`);
        }
        if (place !== undefined) removeLower(join(place.directory, target), kept);
      }
      paths.forget();
      return true;
    },
  };
}

/** Removes a path unless the layer brought it, or something below it. */
function removeLower(path: string, kept: ReadonlySet<string>): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isDirectory()) {
    if (!kept.has(path)) rmSync(path);
    return;
  }
  removeBelow(path, kept);
  if (!kept.has(path) && readdirSync(path).length === 0) rmdirSync(path);
}

function removeBelow(directory: string, kept: ReadonlySet<string>): void {
  for (const name of readdirSync(directory)) removeLower(join(directory, name), kept);
}
