import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import type { MountPlace, RootEntry } from "./mounts.ts";

/** Options that the kernel lets nobody drop from a mount that came from outside the user's namespace. */
const LOCKED_OPTIONS = new Set(["nosuid", "nodev", "noexec", "noatime", "nodiratime", "relatime"]);

/** The file system of this machine, as planMounts asks for it. */
export const hostPlace: MountPlace = {
  exists: existsSync,
  isDirectory: (path) => statSync(path).isDirectory(),
  resolve: (path) => realpathSync(path),
  rootEntries: () => readdirSync("/", { withFileTypes: true }).map(describe),
  lockedOptions: (path) => lockedOptionsOf(realpathSync(path), readFileSync("/proc/self/mountinfo", "utf8")),
};

function describe(entry: { name: string; isDirectory(): boolean; isSymbolicLink(): boolean }): RootEntry {
  const { name } = entry;
  if (entry.isSymbolicLink()) return { name, kind: "link", link: readlinkSync(join("/", name)) };
  return { name, kind: entry.isDirectory() ? "directory" : "file" };
}

/** The options of the mount that `path` is in, by the kernel's table of mounts. */
export function lockedOptionsOf(path: string, mountTable: string): string[] {
  let found = { point: "", options: "" };
  for (const line of mountTable.split("\n")) {
    const [, , , , encoded = "", options = ""] = line.split(" ");
    const point = encoded.replaceAll(/\\(\d{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    const holds = point === "/" || path === point || path.startsWith(`${point}/`);
    // Of several mounts on one point the last one is seen.
    if (point !== "" && holds && point.length >= found.point.length) found = { point, options };
  }
  return found.options.split(",").filter((option) => LOCKED_OPTIONS.has(option));
}
