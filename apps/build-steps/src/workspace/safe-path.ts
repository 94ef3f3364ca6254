import { lstat, mkdir } from "node:fs/promises";
import { isAbsolute, join, relative, resolve } from "node:path";
import { errorCode } from "../error-code.ts";
import { StepFailure, UsageError } from "../step-failure.ts";

/**
 * The components of a path below a root, such as `a/b`. Empty for the root itself.
 *
 * @throws UsageError for a path that climbs, is absolute, or holds what no path should.
 */
export function splitPath(path: string, what: string): string[] {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  if (path.startsWith("/") || parts.includes("..") || /[\u0000-\u001f\u007f]/.test(path)) {
    throw new UsageError(`${what} must be a path below the workspace without "..", got ${JSON.stringify(path)}`);
  }
  return parts;
}

/** The components of a target directory, given as an absolute path in the workspace or relative to it. @throws UsageError. */
export function splitTarget(workspace: string, target: string): string[] {
  const path = isAbsolute(target) ? relative(resolve(workspace), target) : target;
  // "..": the text itself is checked, because resolving it would hide the climb.
  if (target.split("/").includes("..")) splitPath("..", "--target");
  return splitPath(path, "--target");
}

/**
 * The real directory at `root/parts`, made where it is missing. Links are never followed: an earlier source may have
 * planted them to lead out of the workspace.
 *
 * @throws StepFailure when a component is anything but a directory.
 */
export async function makeDirectory(root: string, parts: readonly string[]): Promise<string> {
  let path = root;
  for (const part of parts) {
    path = join(path, part);
    const kind = await kindOf(path);
    if (kind === "missing") await mkdir(path);
    else if (kind !== "directory") throw unsafe(root, path, kind);
  }
  return path;
}

/** The real directory at `root/parts`. @throws StepFailure when it is missing, or a component is anything but a directory. */
export async function requireDirectory(root: string, parts: readonly string[]): Promise<string> {
  let path = root;
  for (const part of parts) {
    path = join(path, part);
    const kind = await kindOf(path);
    if (kind !== "directory") throw unsafe(root, path, kind);
  }
  return path;
}

/** What is at a path; links are not followed. */
export type PathKind = "missing" | "directory" | "symbolic link" | "file";

/** What is at a path, itself and not what it may link to. */
export async function kindOf(path: string): Promise<PathKind> {
  try {
    const stats = await lstat(path);
    if (stats.isSymbolicLink()) return "symbolic link";
    return stats.isDirectory() ? "directory" : "file";
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errorCode(error) ?? "")) return "missing";
    throw error;
  }
}

function unsafe(root: string, path: string, kind: PathKind): StepFailure {
  const name = relative(root, path);
  if (kind === "missing") return new StepFailure("PathNotFound", `there is no directory "${name}" in ${root}`);
  return new StepFailure(
    "PathUnsafe",
    `"${name}" in ${root} is a ${kind}, not a directory: nothing is read or written through it; choose another path`,
  );
}
