import { lstatSync, readlinkSync, type Stats } from "node:fs";
import { join, normalize } from "node:path";

const LINKS_MAX = 40;

export interface RootPath {
  /** Where it is on this machine; never outside the root. */
  readonly path: string;
  /** The same as seen from inside the root, free of links. */
  readonly inside: string;
  readonly kind: "directory" | "file" | "absent";
}

/**
 * Where `target` leads for somebody whose root is `root`: links are followed as they would be there, and none leads out.
 * What is not there yet is named as it is written. @throws Error when links lead in a circle.
 */
export function resolveInRoot(root: string, target: string): RootPath {
  const rest = partsOf(normalize(`/${target}`));
  let inside: string[] = [];
  let links = 0;
  while (rest.length > 0) {
    const name = rest.shift() ?? "";
    if (name === "..") {
      inside.pop();
      continue;
    }
    const link = linkAt(join(root, ...inside, name));
    if (link === undefined) {
      inside = [...inside, name];
      continue;
    }
    links += 1;
    if (links > LINKS_MAX) throw new Error(`too many symbolic links in "${target}"`);
    if (link.startsWith("/")) inside = [];
    rest.unshift(...partsOf(link));
  }
  const path = join(root, ...inside);
  return { path, inside: `/${inside.join("/")}`, kind: kindOf(path) };
}

function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

function linkAt(path: string): string | undefined {
  return lookAt(path)?.isSymbolicLink() === true ? readlinkSync(path) : undefined;
}

function kindOf(path: string): RootPath["kind"] {
  const stats = lookAt(path);
  if (stats === undefined) return "absent";
  return stats.isDirectory() ? "directory" : "file";
}

function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    // Below a file there is nothing.
    return undefined;
  }
}
