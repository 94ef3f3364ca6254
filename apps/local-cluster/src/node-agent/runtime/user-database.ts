import { existsSync, readFileSync } from "node:fs";
import { resolveInRoot } from "./root-path.ts";
import type { ContainerUser } from "./container-security.ts";

/** A line of passwd or group, at its colons. */
type Entry = readonly string[];

/**
 * Whom `user` means in a root file system: empty for root, `uid`, `name`, or either with `:group`. undefined for a name that
 * is not there.
 */
export function findUser(user: string, rootfs = "/"): ContainerUser | undefined {
  const [name = "", group] = user === "" ? ["0"] : user.split(":");
  const entry = entriesOf(rootfs, "/etc/passwd").find(([known, , uid]) => known === name || uid === name);
  const groups = entriesOf(rootfs, "/etc/group");
  const uid = idOf(entry?.[2] ?? name);
  const gid = idOf(group === undefined ? primaryGroup(entry) : (findGroup(groups, group) ?? group));
  if (uid === undefined || gid === undefined) return undefined;
  // With a group of its own it is in no other, as container runtimes have it.
  return { uid, gid, groups: group === undefined ? groupsOf(groups, entry) : [] };
}

function idOf(text: string): number | undefined {
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

function findGroup(groups: readonly Entry[], group: string): string | undefined {
  return groups.find(([name]) => name === group)?.[2];
}

function primaryGroup(entry: Entry | undefined): string {
  return entry?.[3] ?? "0";
}

function groupsOf(groups: readonly Entry[], entry: Entry | undefined): number[] {
  const user = entry?.[0];
  if (user === undefined) return [];
  return groups.filter(([, , , members = ""]) => members.split(",").includes(user)).map(([, , id]) => Number(id));
}

/** Where a user lives; `/` for one that is not in the database. */
export function homeOf(uid: number, rootfs: string): string {
  const home = entriesOf(rootfs, "/etc/passwd").find(([, , id]) => id === String(uid))?.[5];
  return home === undefined || home === "" ? "/" : home;
}

function entriesOf(rootfs: string, file: string): Entry[] {
  const path = resolveInRoot(rootfs, file).path;
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .map((line) => line.split(":"));
}
