import { chmodSync, chownSync, existsSync, mkdirSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { runCommand } from "../network/command.ts";
import { ContainerConfigError, type ContainerSpec, expandVariables } from "./container-env.ts";
import { makeHostPath } from "./host-path.ts";
import type { Mount } from "./mounts.ts";
import { isVolumePath, type ProjectedFiles, writeProjectedFiles } from "./projected-files.ts";
import { readVolume, type Volume, type VolumeDeps, VolumeError, type VolumeScope } from "./volume-content.ts";
import { parseQuantity } from "../controllers/scheduler/quantity.ts";

export interface PreparedVolumes {
  /** Directory on the host by volume name. */
  readonly directories: ReadonlyMap<string, string>;
  /** Those that the API fills: nobody else may write into them. */
  readonly readOnly: ReadonlySet<string>;
  /** When a token must be written anew; undefined without one. */
  readonly refreshAtMs: number | undefined;
}

/**
 * Makes all volumes of a Pod, or brings them up to date; the API server has added the ServiceAccount's.
 * @throws VolumeError when a source is missing or of an unknown kind.
 */
export async function prepareVolumes(scope: VolumeScope, deps: VolumeDeps): Promise<PreparedVolumes> {
  const directories = new Map<string, string>();
  const readOnly = new Set<string>();
  const refreshTimes: number[] = [];
  for (const volume of scope.pod.spec?.volumes ?? []) {
    try {
      const made = await prepareVolume(volume, scope, deps);
      directories.set(volume.name, made.directory);
      if (made.isReadOnly) readOnly.add(volume.name);
      if (made.refreshAtMs !== undefined) refreshTimes.push(made.refreshAtMs);
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      throw new VolumeError(`MountVolume.SetUp failed for volume "${volume.name}" : ${cause}`, { cause: error });
    }
  }
  return { directories, readOnly, refreshAtMs: refreshTimes.length === 0 ? undefined : Math.min(...refreshTimes) };
}

interface PreparedVolume {
  readonly directory: string;
  readonly isReadOnly: boolean;
  readonly refreshAtMs?: number;
}

async function prepareVolume(volume: Volume, scope: VolumeScope, deps: VolumeDeps): Promise<PreparedVolume> {
  if (volume.hostPath !== undefined) return { directory: makeHostPath(volume.hostPath), isReadOnly: false };
  const directory = join(scope.directory, volume.name);
  mkdirSync(directory, { recursive: true });
  const fsGroup = scope.pod.spec?.securityContext?.fsGroup;
  if (volume.emptyDir !== undefined) {
    if (volume.emptyDir.medium === "Memory") await mountMemory(directory, volume.emptyDir.sizeLimit);
    openToAll(directory, fsGroup);
    return { directory, isReadOnly: false };
  }
  const { files, refreshAtMs } = await readVolume(volume, scope, deps);
  const readable = fsGroup === undefined ? files : readableByGroup(files);
  writeProjectedFiles(directory, readable, { version: String(deps.nowMs()), group: fsGroup });
  return { directory, isReadOnly: true, ...(refreshAtMs !== undefined && { refreshAtMs }) };
}

/** A Pod's fsGroup may read what the API has filled, whatever the mode says, as the kubelet has it. */
function readableByGroup(files: ProjectedFiles): ProjectedFiles {
  return new Map([...files].map(([path, file]) => [path, { ...file, mode: file.mode | 0o440 }]));
}

/** A file system in memory, seen by all containers that start after it; once, however often the volume is prepared. */
async function mountMemory(directory: string, sizeLimit: string | undefined): Promise<void> {
  if (isMountPoint(directory)) return;
  const size = sizeLimit === undefined ? [] : [`size=${Math.ceil(parseQuantity(sizeLimit))}`];
  await runCommand(["mount", "-t", "tmpfs", "-o", ["mode=1777", ...size].join(","), "kelvin-memory", directory]);
}

/** Takes the file systems in memory away again, so that the directory can be removed. */
export async function releaseVolumes(directory: string, volumes: readonly Volume[]): Promise<void> {
  for (const { name, emptyDir } of volumes) {
    const path = join(directory, name);
    if (emptyDir?.medium === "Memory" && existsSync(path) && isMountPoint(path))
      await runCommand(["umount", "--lazy", path]);
  }
}

function isMountPoint(directory: string): boolean {
  return statSync(directory).dev !== statSync(dirname(directory)).dev;
}

/**
 * For everybody, as the kubelet makes it; a group that is asked for owns what is made in it. Containers run as the user who
 * started the cluster, so a group matters to what they start as others.
 */
function openToAll(directory: string, group: number | undefined): void {
  chmodSync(directory, 0o777);
  if (group === undefined) return;
  try {
    chownSync(directory, -1, group);
    chmodSync(directory, 0o2777);
  } catch {
    // An ordinary user cannot, and has nobody else to share with.
  }
}

/** What one container mounts, in order. @throws ContainerConfigError when a mount names no volume or leaves it. */
export function mountsOf(
  container: ContainerSpec,
  volumes: PreparedVolumes,
  env: ReadonlyMap<string, string>,
): Mount[] {
  return (container.volumeMounts ?? []).map((mount): Mount => {
    const { name, mountPath, readOnly } = mount;
    const directory = volumes.directories.get(name);
    if (directory === undefined) throw new ContainerConfigError(`volumeMount "${name}" names no volume of the Pod`);
    const subPath = mount.subPathExpr === undefined ? mount.subPath : expandVariables(mount.subPathExpr, env);
    const source = subPath === undefined || subPath === "" ? directory : subPathOf(directory, subPath);
    const isReadOnly = readOnly === true || volumes.readOnly.has(name);
    return { source, target: mountPath, ...(isReadOnly && { isReadOnly }) };
  });
}

/** A directory or file in a volume; made as a directory when it is not there, like the kubelet does. */
function subPathOf(directory: string, subPath: string): string {
  if (!isVolumePath(subPath)) throw new ContainerConfigError(`subPath "${subPath}" leaves the volume`);
  const path = join(directory, subPath);
  if (!existsSync(path)) mkdirSync(path, { recursive: true });
  // Links are followed now: what is mounted stays, whatever the volume becomes.
  const found = realpathSync(path);
  const inside = realpathSync(directory);
  if (found !== inside && !found.startsWith(`${inside}/`))
    throw new ContainerConfigError(`subPath "${subPath}" leaves the volume`);
  return found;
}
