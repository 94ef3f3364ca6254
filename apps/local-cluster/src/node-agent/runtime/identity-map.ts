import { readFileSync } from "node:fs";

/** Which users exist for us: all of them, or in an ordinary user's namespace root alone, who is that user. */
export function canHaveUser(uid: number, mapText: string = readFileSync("/proc/self/uid_map", "utf8")): boolean {
  return mapText
    .trim()
    .split("\n")
    .some((line) => {
      const [first = 0, , count = 0] = line.trim().split(/\s+/).map(Number);
      return uid >= first && uid < first + count;
    });
}

/** Whether all of root's rights on this machine are ours, and not only those inside a namespace. */
export function isMachineRoot(mapText: string = readFileSync("/proc/self/uid_map", "utf8")): boolean {
  return process.getuid?.() === 0 && canHaveUser(65_534, mapText);
}
