import { lstatSync, mkdirSync, type Stats, statSync, writeFileSync } from "node:fs";
import type { Volume } from "./volume-content.ts";
import { VolumeError } from "./volume-content.ts";

type HostPath = NonNullable<Volume["hostPath"]>;

const checks: Readonly<Record<string, { readonly text: string; readonly holds: (stats: Stats) => boolean }>> = {
  Directory: { text: "a directory", holds: (stats) => stats.isDirectory() },
  DirectoryOrCreate: { text: "a directory", holds: (stats) => stats.isDirectory() },
  File: { text: "a file", holds: (stats) => stats.isFile() },
  FileOrCreate: { text: "a file", holds: (stats) => stats.isFile() },
  Socket: { text: "a socket file", holds: (stats) => stats.isSocket() },
  CharDevice: { text: "a character device", holds: (stats) => stats.isCharacterDevice() },
  BlockDevice: { text: "a block device", holds: (stats) => stats.isBlockDevice() },
};

/** The path of a hostPath volume, made where its type allows that. @throws VolumeError when there is something else. */
export function makeHostPath({ path, type = "" }: HostPath): string {
  const isThere = lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  if (!isThere && (type === "" || type === "DirectoryOrCreate")) mkdirSync(path, { recursive: true, mode: 0o755 });
  if (!isThere && type === "FileOrCreate") writeFileSync(path, "", { mode: 0o644 });
  const check = checks[type];
  if (check === undefined && type !== "") throw new VolumeError(`hostPath type "${type}" is not known`);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (check !== undefined && (stats === undefined || !check.holds(stats)))
    throw new VolumeError(`hostPath type check failed: ${path} is not ${check.text}`);
  return path;
}
