import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Pod } from "@kelvin/kube";
import { parseQuantity } from "../controllers/scheduler/quantity.ts";
import { toolPath } from "./runtime/tools.ts";
import type { PodDoom } from "./pod-doom.ts";

const run = promisify(execFile);
const DISK = "ephemeral-storage";

/** How often the disk of a Pod that limits it is measured. Nothing stops a write: a Pod may be over for so long. */
export const diskCheckPeriodMs = 2_000;

/** So much may lie in these directories of a Pod together. */
export interface DiskLimit {
  readonly paths: readonly string[];
  readonly bytes: number;
  /** What is said when it is more, in the kubelet's words. */
  readonly message: string;
}

/** The limits that a Pod sets to its use of the disk: of each emptyDir, of each container, and of all together. */
export function diskLimitsOf({ spec }: Pod, podDirectory: string): DiskLimit[] {
  const volumes = (spec?.volumes ?? []).flatMap(({ name, emptyDir }) => {
    // A file system in memory has its limit from the kernel.
    if (emptyDir?.sizeLimit === undefined || emptyDir.medium === "Memory") return [];
    const { sizeLimit } = emptyDir;
    const message = `Usage of EmptyDir volume "${name}" exceeds the limit "${sizeLimit}". `;
    return [{ paths: [join(podDirectory, "volumes", name)], bytes: parseQuantity(sizeLimit), message }];
  });
  const all = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  const limited = all.flatMap(({ name, resources }) => {
    const limit = resources?.limits?.[DISK];
    return limit === undefined ? [] : [{ name, limit, bytes: parseQuantity(limit) }];
  });
  const containers = limited.map(({ name, limit, bytes }) => ({
    // What it wrote beside its volumes, what it wrote to /tmp, and its logs.
    paths: [join(podDirectory, "scratch", name), join(podDirectory, "tmp", name), join(podDirectory, name)],
    bytes,
    message: `Container ${name} exceeded its local ephemeral storage limit "${limit}". `,
  }));
  const isLimited = limited.length > 0 && limited.length === all.length;
  const total = limited.reduce((sum, { bytes }) => sum + bytes, 0);
  const message = `Pod ephemeral local storage usage exceeds the total limit of containers ${total}. `;
  return [...volumes, ...containers, ...(isLimited ? [{ paths: [podDirectory], bytes: total, message }] : [])];
}

/** The end of a Pod that has more on the disk than one of its limits allows. */
export async function doomByDisk(limits: readonly DiskLimit[]): Promise<PodDoom | undefined> {
  for (const { paths, bytes, message } of limits) {
    // oxlint-disable-next-line no-await-in-loop -- one look at the disk at a time
    if ((await bytesIn(paths)) > bytes) return { reason: "Evicted", message, graceMs: 0 };
  }
  return undefined;
}

async function bytesIn(paths: readonly string[]): Promise<number> {
  const present = paths.filter((path) => existsSync(path));
  if (present.length === 0) return 0;
  const args = ["--summarize", "--total", "--one-file-system", "--block-size=1", "--", ...present];
  const output = await run("du", args, { env: { PATH: toolPath, LC_ALL: "C" } }).then(
    ({ stdout }) => stdout,
    // Files that go away meanwhile make it fail; its sum is right all the same.
    (error: { stdout?: string }) => error.stdout ?? "",
  );
  return Number(/^(\d+)\ttotal$/m.exec(output)?.[1] ?? 0);
}
