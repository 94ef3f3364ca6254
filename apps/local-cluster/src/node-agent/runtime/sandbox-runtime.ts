import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hostPlace } from "../host-place.ts";
import { type Mount, tableLine } from "../mounts.ts";
import { hostnameOf } from "../system-files.ts";
import { makeOverlayRoot } from "./overlay-root.ts";
import { type PlacedMount, placeInRoot } from "./place-in-root.ts";
import { lacksUser, privilegeWords } from "./privileges.ts";
import { resolveInRoot } from "./root-path.ts";
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
  const { path: root, line: overlayLine } = makeOverlayRoot(rootfs, scratch);
  const machine = MACHINE_MOUNTS.filter(({ source }) => existsSync(source));
  const placed = placeInRoot(request, rootfs, machine);
  const tableFile = join(scratch, "mounts");
  const at = (inside: string): string => join(root, inside);
  writeFileSync(tableFile, placed.map(({ mount, inside }) => tableLine({ mount, at: at(inside) }, hostPlace)).join(""));
  const directory = resolveInRoot(rootfs, workingDir).inside;
  return {
    words: ["unshare", "--mount", "--uts", "--propagation", "private"],
    script: [
      hostnameLine(hostnameOf(request.pod)),
      overlayLine,
      ...makePlaces(placed, at),
      `mount --no-mtab --all --fstab ${shellQuote(tableFile)} &&`,
      `mkdir -p ${shellQuote(at(directory))} &&`,
      ...(security.isRootReadOnly ? [`mount --no-mtab -o remount,bind,ro ${shellQuote(root)} &&`] : []),
      `cd ${shellQuote(root)} && mount --no-mtab --move . / &&`,
    ].join("\n"),
    directory: ".",
    finish: [...privilegeWords(security, ["sys_chroot"]), toolFile("nsenter"), "--root=.", `--wd=.${directory}`, "--"],
    env,
    enter: (pid) => enterSandbox(pid, request, directory),
  };
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
