import { UsageError } from "../step-failure.ts";
import { kindOf, splitPath } from "../workspace/safe-path.ts";
import { join } from "node:path";

/** The two places whose content can be kept. */
export interface CacheRoots {
  readonly workspace: string;
  readonly home: string;
}

/** Which paths of one place are kept. */
export interface KeptPaths {
  readonly root: keyof CacheRoots;
  /** Below the place, without a slash at either end. */
  readonly paths: readonly string[];
}

/**
 * Sorts paths by place: `~/x` and paths below the home directory are of the home, all others of the workspace.
 *
 * @throws UsageError for a path that is in neither, or is one of them whole.
 */
export function parseKeptPaths(paths: readonly string[], roots: CacheRoots): KeptPaths[] {
  if (paths.length === 0) throw new UsageError("--path is required: what is to be kept");
  const sorted: Record<keyof CacheRoots, Set<string>> = { workspace: new Set(), home: new Set() };
  for (const path of paths) {
    const { root, rest } = splitRoot(path, roots);
    const parts = splitPath(rest, "--path");
    if (parts.length === 0)
      throw new UsageError(`--path ${JSON.stringify(path)} is a whole volume; name what is in it`);
    sorted[root].add(parts.join("/"));
  }
  return (["workspace", "home"] as const).flatMap((root) =>
    sorted[root].size === 0 ? [] : [{ root, paths: withoutNested([...sorted[root]]) }],
  );
}

function splitRoot(path: string, { workspace, home }: CacheRoots): { root: keyof CacheRoots; rest: string } {
  if (path.startsWith("~/")) return { root: "home", rest: path.slice(2) };
  if (path.startsWith(`${home}/`)) return { root: "home", rest: path.slice(home.length + 1) };
  if (path.startsWith(`${workspace}/`)) return { root: "workspace", rest: path.slice(workspace.length + 1) };
  return { root: "workspace", rest: path };
}

/** What lies in another kept path comes with that. */
function withoutNested(paths: readonly string[]): string[] {
  return paths.filter((path) => !paths.some((other) => path.startsWith(`${other}/`))).toSorted();
}

/** Those of the paths that are there. What lies behind a link is not: it may lead anywhere. */
export async function findExisting(root: string, paths: readonly string[]): Promise<string[]> {
  const existing: string[] = [];
  for (const path of paths) {
    const parts = path.split("/");
    const kinds = await Promise.all(
      parts.map(async (_, index) => await kindOf(join(root, ...parts.slice(0, index + 1)))),
    );
    if (kinds.at(-1) !== "missing" && kinds.slice(0, -1).every((kind) => kind === "directory")) existing.push(path);
  }
  return existing;
}
