import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import type { MountPlace, DirectoryEntry } from "./mounts.ts";

/** Options that the kernel lets nobody drop from a mount that came from outside the user's namespace. */
const LOCKED_OPTIONS = new Set(["nosuid", "nodev", "noexec", "noatime", "nodiratime", "relatime"]);

/** The file system of this machine, as planMounts asks for it. */
export const hostPlace: MountPlace = {
  exists: existsSync,
  isDirectory: (path) => statSync(path).isDirectory(),
  resolve: (path) => realpathSync(path),
  entries: (directory) => readdirSync(directory, { withFileTypes: true }).map((entry) => describe(directory, entry)),
  hasMountsBelow: (directory) =>
    mountPoints(readFileSync("/proc/self/mountinfo", "utf8")).some(({ point }) => point.startsWith(`${directory}/`)),
  lockedOptions: (path) => lockedOptionsOf(realpathSync(path), readFileSync("/proc/self/mountinfo", "utf8")),
};

function describe(
  directory: string,
  entry: { name: string; isDirectory(): boolean; isSymbolicLink(): boolean },
): DirectoryEntry {
  const { name } = entry;
  if (entry.isSymbolicLink()) return { name, kind: "link", link: readlinkSync(join(directory, name)) };
  return { name, kind: entry.isDirectory() ? "directory" : "file" };
}

function mountPoints(mountTable: string): { point: string; options: string }[] {
  return mountTable.split("\n").flatMap((line) => {
    const [, , , , encoded, options = ""] = line.split(" ");
    if (encoded === undefined) return [];
    const point = encoded.replaceAll(/\\(\d{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    return [{ point, options }];
  });
}

/** The options of the mount that `path` is in, by the kernel's table of mounts. */
export function lockedOptionsOf(path: string, mountTable: string): string[] {
  let found = { point: "", options: "" };
  for (const mount of mountPoints(mountTable)) {
    const holds = mount.point === "/" || path === mount.point || path.startsWith(`${mount.point}/`);
    // Of several mounts on one point the last one is seen.
    if (holds && mount.point.length >= found.point.length) found = mount;
  }
  return found.options.split(",").filter((option) => LOCKED_OPTIONS.has(option));
}
