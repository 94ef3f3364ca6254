import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hostPlace } from "../host-place.ts";
import type { Mount } from "../mounts.ts";
import { type RootPath, resolveInRoot } from "./root-path.ts";
import type { RunRequest } from "./runtime.ts";

export interface PlacedMount {
  readonly mount: Mount;
  /** The mount point as the container sees it, free of links. */
  readonly inside: string;
  /** What has to be made for it in the root. */
  readonly missing: "directory" | "file" | undefined;
}

/**
 * Where the mounts of a container with a root of its own belong: `first` as they come, then its own, parents before
 * children. A place inside another mount is looked for, and made, in what that one mounts.
 */
export function placeInRoot(request: RunRequest, rootfs: string, first: readonly Mount[]): PlacedMount[] {
  const { systemMounts, volumeMounts, agentMounts } = request;
  const own = [...systemMounts, ...volumeMounts, ...agentMounts].toSorted((a, b) => a.target.length - b.target.length);
  const placed: PlacedMount[] = [];
  for (const mount of [...first, ...own]) {
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
