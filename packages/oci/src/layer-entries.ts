import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { OciError } from "./errors.ts";

/** One entry of a layer to be packed. Paths are below the image's root, without a `/` at either end. */
export type LayerEntry =
  | { readonly kind: "directory"; readonly path: string; readonly mode: number }
  | { readonly kind: "symlink"; readonly path: string; readonly target: string }
  | { readonly kind: "file"; readonly path: string; readonly mode: number; readonly content: FileContent };

/** The first bytes of a file of this machine, or bytes. */
export type FileContent = { readonly file: string; readonly size: number } | { readonly bytes: Uint8Array };

/** What of a directory goes into a layer, and where to; everything has a default. */
export interface ListDirectoryOptions {
  /** Where in the layer the content is put, such as `app`; its parents come with it. Default: the root. */
  readonly prefix?: string;
  /** Paths below the directory, such as `a/b`, to be left out; a directory with all that is in it. Default: none. */
  readonly isExcluded?: (path: string, isDirectory: boolean) => boolean;
  /** Only these paths below the directory, with all that is in them. Default: all. */
  readonly only?: readonly string[];
}

/**
 * Lists a directory's content, sorted. Files are 0644, or 0755 where somebody may run them, and directories 0755: what a
 * checkout's umask did is not seen. Links are listed as they are and never followed; sockets, pipes and devices are left out.
 *
 * @throws OciError `InvalidContent` for a name that is no UTF-8; system errors as they are.
 */
export async function* listDirectory(
  directory: string,
  options: ListDirectoryOptions = {},
): AsyncGenerator<LayerEntry, void> {
  const prefix = splitPath(options.prefix ?? "");
  for (let length = 1; length <= prefix.length; length += 1) yield directoryAt(prefix.slice(0, length).join("/"));
  for (const root of (options.only ?? [""]).toSorted(compareBytes)) {
    yield* listTree(splitPath(root).join("/"), { directory, prefix: prefix.join("/"), options });
  }
}

interface Walk {
  readonly directory: string;
  readonly prefix: string;
  readonly options: ListDirectoryOptions;
}

async function* listTree(below: string, walk: Walk): AsyncGenerator<LayerEntry, void> {
  const place = join(walk.directory, below);
  const stats = await lstat(place);
  if (below !== "" && walk.options.isExcluded?.(below, stats.isDirectory()) === true) return;
  const path = [walk.prefix, below].filter((part) => part !== "").join("/");
  if (path.includes("\uFFFD")) {
    throw new OciError("InvalidContent", `${JSON.stringify(place)} has a name that is no UTF-8: rename it`);
  }
  if (stats.isSymbolicLink()) yield { kind: "symlink", path, target: await readlink(place) };
  else if (stats.isFile()) {
    const mode = (stats.mode & 0o111) === 0 ? 0o644 : 0o755;
    yield { kind: "file", path, mode, content: { file: place, size: stats.size } };
  } else if (stats.isDirectory()) {
    if (below !== "") yield directoryAt(path);
    for (const child of (await readdir(place)).toSorted(compareBytes)) {
      yield* listTree(below === "" ? child : `${below}/${child}`, walk);
    }
  }
}

function directoryAt(path: string): LayerEntry {
  return { kind: "directory", path, mode: 0o755 };
}

/** Byte by byte, as no language of the machine's can change it. */
function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function splitPath(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}
