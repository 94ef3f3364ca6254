import type { ContainerSecurity } from "./container-security.ts";
import { canHaveUser } from "./identity-map.ts";
import { toolFile } from "./tools.ts";

/** What changing the root needs; a process that has yet to do it keeps that, and so does the app. */
export type KeptCapability = "sys_chroot";

/** Words that take away from the app what it is not to have; none when nothing is to be taken. */
export function privilegeWords(
  { user, capabilities, mayGainPrivileges }: ContainerSecurity,
  kept: readonly KeptCapability[] = [],
): string[] {
  // Changing the user drops all; what is still to be done needs some of it back.
  const ambient = user === undefined || user.uid === 0 ? [] : kept.map((name) => `+${name}`);
  const bounding = boundingSet(capabilities, kept);
  const options = [
    ...(user === undefined ? [] : userOptions(user)),
    ...(ambient.length + bounding.length === 0 ? [] : [`--inh-caps=${["-all", ...ambient].join(",")}`]),
    ...(ambient.length === 0 ? [] : [`--ambient-caps=${["-all", ...ambient].join(",")}`]),
    ...(bounding.length === 0 ? [] : [`--bounding-set=${bounding.join(",")}`]),
    ...(mayGainPrivileges ? [] : ["--no-new-privs"]),
  ];
  return options.length === 0 ? [] : [toolFile("setpriv"), ...options, "--"];
}

function userOptions({ uid, gid, groups }: NonNullable<ContainerSecurity["user"]>): string[] {
  // In an ordinary user's namespace there is nobody else to be, and groups cannot be changed.
  if (uid === 0 && gid === 0 && groups.length === 0 && !canHaveUser(1)) return [];
  return [`--reuid=${uid}`, `--regid=${gid}`, groups.length === 0 ? "--clear-groups" : `--groups=${groups.join(",")}`];
}

function boundingSet({ drop, add }: ContainerSecurity["capabilities"], kept: readonly string[]): string[] {
  if (!drop.includes("all"))
    return drop.filter((name) => !add.includes(name) && !kept.includes(name)).map((name) => `-${name}`);
  if (add.includes("all")) return [];
  return ["-all", ...[...new Set([...add, ...kept])].map((name) => `+${name}`)];
}

/** Why this machine cannot give a container the user that it wants; undefined when it can. */
export function lacksUser({ user }: ContainerSecurity): string | undefined {
  const missing = [user?.uid ?? 0, user?.gid ?? 0, ...(user?.groups ?? [])].find((id) => !canHaveUser(id));
  if (missing === undefined) return undefined;
  return (
    `it cannot run as user or group ${missing}: the cluster runs in an ordinary user's namespace, in which there is one id only. ` +
    `Start the cluster as root, or leave out runAsUser, runAsGroup and supplementalGroups`
  );
}
