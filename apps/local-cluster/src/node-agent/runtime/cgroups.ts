import { createHash } from "node:crypto";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { shellQuote } from "./shell-quote.ts";

const MOUNT = "/sys/fs/cgroup";
const CPU_PERIOD_US = 100_000;
const CPU_QUOTA_US_MIN = 1_000;

/** What a container may take of the machine. */
export interface ResourceLimits {
  readonly memoryBytes?: number;
  readonly cpus?: number;
}

/** The kernel's account of one container. */
export interface Cgroup {
  /** A line of shell by which the process that runs it comes in, with all that it becomes and starts. */
  readonly joinLine: string;
  /** Whether the kernel has killed something in it for want of memory. */
  wasOutOfMemory(): boolean;
  /** Takes it away, once nothing is in it. */
  remove(): void;
}

/** The port between the node agent and the kernel's limits. */
export interface Cgroups {
  /** What is limited, or why nothing is; an annotation of the Node. */
  readonly fact: string;
  /** undefined where nothing is to be limited, or can be. */
  open(name: string, limits: ResourceLimits): Cgroup | undefined;
  /** The same group as an OCI configuration names it, limited or not; undefined where there can be none. */
  pathOf(name: string): string | undefined;
  /** Removes all that nothing is in any more. */
  close(): void;
}

/** Where nothing can be limited. */
export function noCgroups(reason: string): Cgroups {
  return { fact: `none: ${reason}`, open: () => undefined, pathOf: () => undefined, close: () => undefined };
}

/** What the two versions of the kernel's interface differ in. */
interface Version {
  readonly name: string;
  /** Where our groups are made, by controller; both the same in version 2. */
  readonly parents: readonly string[];
  /** Where else an OCI runtime makes some: it takes part in every controller. */
  readonly others: readonly string[];
  /** What an OCI runtime calls the parents, all of them at once. */
  readonly ociParent: string;
  readonly settings: (limits: ResourceLimits) => readonly (readonly [parent: string, file: string, value: string])[];
  /** Where it counts whom it killed. */
  readonly countFile: string;
}

/** Finds out what can be limited here. Groups that a former life left behind are removed; `owner` tells ours from others'. */
export function openCgroups(owner: string): Cgroups {
  const home = `kelvin-${createHash("sha256").update(owner).digest("hex").slice(0, 12)}`;
  try {
    const version = existsSync(join(MOUNT, "cgroup.controllers")) ? openVersion2(home) : openVersion1(home);
    for (const parent of [...version.parents, ...version.others]) removeGroups(parent);
    return {
      fact: `memory and cpu, by ${version.name}`,
      open: (name, limits) => openGroup(version, name, limits),
      pathOf: (name) => join(version.ociParent, name),
      close() {
        for (const parent of new Set([...version.parents, ...version.others])) {
          removeGroups(parent);
          removeGroup(parent);
        }
      },
    };
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    return noCgroups(`the kernel's control groups are not ours to write (${cause})`);
  }
}

function openVersion2(home: string): Version {
  const own = /^0::(.*)$/m.exec(readFileSync("/proc/self/cgroup", "utf8"))?.[1] ?? "/";
  // The root may have processes beside groups. Any other group may not: there it works only where we are alone.
  const base = canWrite(MOUNT) ? MOUNT : join(MOUNT, own);
  writeFileSync(join(base, "cgroup.subtree_control"), "+memory +cpu");
  const parent = join(base, home);
  mkdirSync(parent, { recursive: true });
  writeFileSync(join(parent, "cgroup.subtree_control"), "+memory +cpu");
  return {
    name: "cgroup v2",
    parents: [parent],
    others: [],
    ociParent: parent.slice(MOUNT.length),
    settings: ({ memoryBytes, cpus }) => [
      ...(memoryBytes === undefined ? [] : [[parent, "memory.max", String(memoryBytes)] as const]),
      ...(cpus === undefined ? [] : [[parent, "cpu.max", `${quotaOf(cpus)} ${CPU_PERIOD_US}`] as const]),
    ],
    countFile: "memory.events",
  };
}

function openVersion1(home: string): Version {
  const groups = readFileSync("/proc/self/cgroup", "utf8");
  const parents = new Map(
    [...groups.matchAll(/^\d+:([^:]+):(.*)$/gm)].flatMap(([, controllers = "", own = ""]) =>
      controllers.split(",").map((name) => [name, join(MOUNT, name.replace(/^name=/, ""), own, home)]),
    ),
  );
  const parentOf = (controller: string): string => {
    const parent = parents.get(controller);
    if (parent === undefined) throw new Error(`there is no controller "${controller}"`);
    mkdirSync(parent, { recursive: true });
    return parent;
  };
  const [memory, cpu] = [parentOf("memory"), parentOf("cpu")];
  // Version 2 may be there beside it, without controllers.
  const unified = join(MOUNT, "unified", /^0::(.*)$/m.exec(groups)?.[1] ?? "/", home);
  return {
    name: "cgroup v1",
    parents: [memory, cpu],
    others: [unified, ...parents.values()].filter((parent) => parent !== memory && parent !== cpu),
    // Without a slash before it, it is taken as below the group that one is in already.
    ociParent: home,
    settings: ({ memoryBytes, cpus }) => [
      ...(memoryBytes === undefined ? [] : [[memory, "memory.limit_in_bytes", String(memoryBytes)] as const]),
      ...(cpus === undefined
        ? []
        : [
            [cpu, "cpu.cfs_period_us", String(CPU_PERIOD_US)] as const,
            [cpu, "cpu.cfs_quota_us", String(quotaOf(cpus))] as const,
          ]),
    ],
    countFile: "memory.oom_control",
  };
}

function quotaOf(cpus: number): number {
  return Math.max(CPU_QUOTA_US_MIN, Math.round(cpus * CPU_PERIOD_US));
}

function openGroup(version: Version, name: string, limits: ResourceLimits): Cgroup | undefined {
  const settings = version.settings(limits);
  if (settings.length === 0) return undefined;
  const groups = [...new Set(settings.map(([parent]) => join(parent, name)))];
  for (const group of groups) mkdirSync(group, { recursive: true });
  for (const [parent, file, value] of settings) writeFileSync(join(parent, name, file), value);
  const before = killsIn(groups, version.countFile);
  return {
    joinLine: groups.map((group) => `echo 0 > ${shellQuote(join(group, "cgroup.procs"))} &&`).join(" "),
    wasOutOfMemory: () => killsIn(groups, version.countFile) > before,
    remove() {
      for (const group of groups) removeGroup(group);
    },
  };
}

function killsIn(groups: readonly string[], countFile: string): number {
  const files = groups.map((group) => join(group, countFile)).filter((file) => existsSync(file));
  return files.reduce((sum, file) => sum + Number(/^oom_kill (\d+)/m.exec(readFileSync(file, "utf8"))?.[1] ?? 0), 0);
}

function removeGroups(parent: string): void {
  if (!existsSync(parent)) return;
  for (const entry of readdirSync(parent, { withFileTypes: true }))
    if (entry.isDirectory()) removeGroup(join(parent, entry.name));
}

function removeGroup(group: string): void {
  try {
    rmdirSync(group);
  } catch {
    // Something is in it still, or it is gone: the next start of a cluster here removes what is left.
  }
}

function canWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    // Another user's.
    return false;
  }
}
