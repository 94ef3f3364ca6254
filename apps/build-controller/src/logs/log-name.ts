import type { LogName } from "./log-store.ts";

const namePattern = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/i;

/** A name that stays where it is put. @throws RangeError for what is no name of Kubernetes. */
export function checkedName(name: string): string {
  if (!namePattern.test(name) || name.includes("..")) throw new RangeError(`"${name}" is no name of Kubernetes`);
  return name;
}

/** `<namespace>/<build>.<uid>`. Names of Builds have no dot, so that the two can be told apart again. */
export function buildPath({ namespace, build, buildUid }: Omit<LogName, "pod" | "container">): string {
  return `${checkedName(namespace)}/${checkedName(`${build}.${buildUid}`)}`;
}

/** `<namespace>/<build>.<uid>/<pod>/<container>`. */
export function logPath(name: LogName): string {
  return `${buildPath(name)}/${checkedName(name.pod)}/${checkedName(name.container)}`;
}
