import { existsSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

/** A file or directory of the host that a container sees at another place. */
export interface Mount {
  readonly source: string;
  readonly target: string;
}

/** What the planner asks of the file system. */
export interface MountPlace {
  exists(path: string): boolean;
  isDirectory(path: string): boolean;
  /** The path with symbolic links followed. */
  resolve(path: string): string;
}

export const hostPlace: MountPlace = {
  exists: existsSync,
  isDirectory: (path) => statSync(path).isDirectory(),
  resolve: (path) => realpathSync(path),
};

/** A mount whose place cannot be made. */
export class MountError extends Error {
  override readonly name = "MountError";
}

/** How to make mounts: shell lines, each ended by `&&`, and the table that they name, to be written first. */
export interface MountPlan {
  readonly script: string;
  readonly tableFile: string;
  readonly table: string;
}

/**
 * Plans how to make `mounts` in a fresh mount namespace, in the order given. A target that does not exist must not be
 * made on the host: the nearest directory above it is covered by an overlay first, whose additions live in `scratch`.
 * @throws MountError when a target is outside every directory, which would need a root file system of the container's own.
 */
export function planMounts(mounts: readonly Mount[], scratch: string, place: MountPlace = hostPlace): MountPlan {
  const missing = mounts.filter(({ target }) => !place.exists(target));
  const anchors = [...new Set(missing.map(({ target }) => anchorOf(target, place)))].sort();
  // An overlay on a directory shows what lies below another one too; only the outermost are needed.
  const outermost = anchors.filter((anchor) => !anchors.some((other) => anchor.startsWith(`${other}/`)));
  const overlays = outermost.map((anchor, index) => {
    const layer = join(scratch, `overlay-${index}`);
    const options = `lowerdir=${anchor},upperdir=${layer}/upper,workdir=${layer}/work`;
    return `mkdir -p ${quote(`${layer}/upper`)} ${quote(`${layer}/work`)} && mount -t overlay overlay -o ${quote(options)} ${quote(anchor)} &&`;
  });
  const places = missing.map(({ source, target }) =>
    place.isDirectory(source)
      ? `mkdir -p ${quote(target)} &&`
      : `mkdir -p ${quote(dirname(target))} && touch ${quote(target)} &&`,
  );
  const tableFile = join(scratch, "mounts");
  // One process makes all bind mounts: starting a Pod is paid for in milliseconds.
  const binds = mounts.length === 0 ? [] : [`mount --all --fstab ${quote(tableFile)} &&`];
  const table = mounts.map(({ source, target }) => `${escape(source)} ${escape(target)} none bind 0 0\n`).join("");
  return { script: [...overlays, ...places, ...binds].join("\n"), tableFile, table };
}

function anchorOf(target: string, place: MountPlace): string {
  let ancestor = dirname(target);
  while (!place.exists(ancestor)) ancestor = dirname(ancestor);
  const anchor = place.resolve(ancestor);
  if (anchor === "/") {
    throw new MountError(
      `mountPath "${target}" cannot be made: choose one below a directory that exists on this machine, such as /srv or /mnt`,
    );
  }
  return anchor;
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Blanks end a word in a mount table. */
function escape(word: string): string {
  return word.replaceAll("\\", "\\134").replaceAll(" ", "\\040").replaceAll("\t", "\\011").replaceAll("\n", "\\012");
}
