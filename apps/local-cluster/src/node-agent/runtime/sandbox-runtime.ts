import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hostPlace } from "../host-place.ts";
import { type Mount, tableLine } from "../mounts.ts";
import { hostnameOf, makeSystemMounts } from "../system-files.ts";
import { isMachineRoot } from "./identity-map.ts";
import { lacksUser, privilegeWords } from "./privileges.ts";
import { type RootPath, resolveInRoot } from "./root-path.ts";
import type { LaunchPlan, RunRequest, Runtime } from "./runtime.ts";
import { hostnameLine, shellQuote } from "./shell-quote.ts";
import { hasTool, toolFile, toolPath } from "./tools.ts";

/** What every program expects to find, from this machine. */
const MACHINE_MOUNTS: readonly Mount[] = [
  { source: "/proc", target: "/proc" },
  { source: "/sys", target: "/sys", isReadOnly: true },
  { source: "/dev", target: "/dev" },
];

/**
 * An image's root file system under an overlay that takes what the container writes, as the root of a mount namespace. The
 * mount is moved over the old root instead of pivoted to: in an image there need not be a program to let go of the old one.
 */
export const sandboxRuntime: Runtime = {
  name: "sandbox",
  lacks({ rootfs, security }) {
    if (rootfs === undefined) return "the image is a directory of this machine and has no root file system of its own";
    if (!hasTool("nsenter") || !hasTool("setpriv")) return "nsenter or setpriv, of util-linux, is missing";
    return lacksUser(security);
  },
  plan: planSandbox,
};

function planSandbox(request: RunRequest): LaunchPlan {
  const { env, security, workingDir, scratch, rootfs = "/" } = request;
  const layers = { root: join(scratch, "root"), upper: join(scratch, "upper"), work: join(scratch, "work") };
  // Each run starts from the image alone.
  for (const path of [layers.upper, layers.work]) rmSync(path, { recursive: true, force: true });
  for (const path of Object.values(layers)) mkdirSync(path, { recursive: true });
  const placed = placeInRoot(request, rootfs);
  const tableFile = join(scratch, "mounts");
  const at = (inside: string): string => join(layers.root, inside);
  writeFileSync(tableFile, placed.map(({ mount, inside }) => tableLine({ mount, at: at(inside) }, hostPlace)).join(""));
  const directory = resolveInRoot(rootfs, workingDir).inside;
  return {
    words: ["unshare", "--mount", "--uts", "--propagation", "private"],
    script: [
      hostnameLine(hostnameOf(request.pod)),
      overlayLine(rootfs, layers),
      ...makePlaces(placed, at),
      `mount --no-mtab --all --fstab ${shellQuote(tableFile)} &&`,
      `mkdir -p ${shellQuote(at(directory))} &&`,
      ...(security.isRootReadOnly ? [`mount --no-mtab -o remount,bind,ro ${shellQuote(layers.root)} &&`] : []),
      `cd ${shellQuote(layers.root)} && mount --no-mtab --move . / &&`,
    ].join("\n"),
    directory: ".",
    finish: [...privilegeWords(security, ["sys_chroot"]), toolFile("nsenter"), "--root=.", `--wd=.${directory}`, "--"],
    env,
    enter: (pid) => enterSandbox(pid, request, directory),
  };
}

interface Layers {
  readonly root: string;
  readonly upper: string;
  readonly work: string;
}

/** Where the kernel refuses an overlay there, as on another overlay, the container gets a copy. */
function overlayLine(rootfs: string, { root, upper, work }: Layers): string {
  const own = isMachineRoot() ? "" : ",userxattr";
  const options = `lowerdir=${rootfs},upperdir=${upper},workdir=${work}${own}`;
  const mounting = `mount --no-mtab -t overlay overlay -o ${shellQuote(options)} ${shellQuote(root)} 2>/dev/null`;
  const copying = `{ mount --no-mtab --bind ${shellQuote(upper)} ${shellQuote(root)} && cp --archive --reflink=auto ${shellQuote(`${rootfs}/.`)} ${shellQuote(root)}; }`;
  return `{ ${mounting} || ${copying}; } &&`;
}

interface PlacedMount {
  readonly mount: Mount;
  /** The mount point as the container sees it, free of links. */
  readonly inside: string;
  /** What has to be made for it in the root. */
  readonly missing: "directory" | "file" | undefined;
}

/** Parents before children. A place inside another mount is looked for, and made, in what that one mounts. */
function placeInRoot(request: RunRequest, rootfs: string): PlacedMount[] {
  const { pod, podIp, directory, volumeMounts, agentMounts } = request;
  const system = makeSystemMounts({ pod, podIp, directory, hasOwnRoot: true });
  const machine = MACHINE_MOUNTS.filter(({ source }) => existsSync(source));
  const own = [...system, ...volumeMounts, ...agentMounts].toSorted((a, b) => a.target.length - b.target.length);
  const placed: PlacedMount[] = [];
  for (const mount of [...machine, ...own]) {
    const target = resolveInRoot(rootfs, mount.target);
    const parent = placed.findLast(({ inside }) => target.inside.startsWith(`${inside}/`));
    placed.push(parent === undefined ? placeOn(mount, target) : placeBelow(mount, target, parent));
  }
  return placed;
}

function placeOn(mount: Mount, { inside, kind }: RootPath): PlacedMount {
  return { mount, inside, missing: kind === "absent" ? kindOf(mount) : undefined };
}

function placeBelow(mount: Mount, target: RootPath, parent: PlacedMount): PlacedMount {
  const below = resolveInRoot(parent.mount.source, target.inside.slice(parent.inside.length));
  if (below.kind === "absent") {
    mkdirSync(kindOf(mount) === "directory" ? below.path : join(below.path, ".."), { recursive: true });
    if (kindOf(mount) === "file") writeFileSync(below.path, "", { flag: "a" });
  }
  return { mount, inside: join(parent.inside, below.inside), missing: undefined };
}

function kindOf({ source }: Mount): "directory" | "file" {
  return hostPlace.isDirectory(source) ? "directory" : "file";
}

function makePlaces(placed: readonly PlacedMount[], at: (inside: string) => string): string[] {
  const wanted = (kind: "directory" | "file"): string[] =>
    placed.filter(({ missing }) => missing === kind).map(({ inside }) => at(inside));
  const files = wanted("file");
  const directories = [...wanted("directory"), ...files.map((file) => join(file, ".."))];
  return [
    ...(directories.length === 0 ? [] : [`mkdir -p ${directories.map(shellQuote).join(" ")} &&`]),
    ...(files.length === 0 ? [] : [`touch ${files.map(shellQuote).join(" ")} &&`]),
  ];
}

/** Who enters the mount namespace finds the moved root as its root. Capabilities are not taken from root there. */
function enterSandbox(pid: number, { env, security: { user } }: RunRequest, directory: string): string[] {
  const others = user === undefined || user.uid === 0 ? [] : [`--setgid=${user.gid}`, `--setuid=${user.uid}`];
  const enter = [
    toolFile("nsenter"),
    `--mount=/proc/${pid}/ns/mnt`,
    `--uts=/proc/${pid}/ns/uts`,
    `--wdns=${directory}`,
    ...others,
    "--",
  ];
  return ["/bin/sh", "-c", 'PATH="$1"; export PATH; shift; exec "$@"', "kelvin", env.PATH ?? toolPath, ...enter];
}
