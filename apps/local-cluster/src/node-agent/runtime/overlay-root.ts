import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isMachineRoot } from "./identity-map.ts";
import { shellQuote } from "./shell-quote.ts";

/** A root that shows an image's files and takes what the container writes. */
export interface OverlayRoot {
  /** Where it is once `line` has run, in that mount namespace alone. */
  readonly path: string;
  /** A line of shell, ended by `&&`. */
  readonly line: string;
}

/** Prepares a root over `rootfs`, with what is written in `scratch`. Each run starts from the image alone. */
export function makeOverlayRoot(rootfs: string, scratch: string): OverlayRoot {
  const layers = { root: join(scratch, "root"), upper: join(scratch, "upper"), work: join(scratch, "work") };
  for (const path of [layers.upper, layers.work]) rmSync(path, { recursive: true, force: true });
  for (const path of Object.values(layers)) mkdirSync(path, { recursive: true });
  return { path: layers.root, line: overlayLine(rootfs, layers) };
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
