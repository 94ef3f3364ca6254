import { lstatSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { hostPlace } from "./host-place.ts";
import { shellQuote as quote } from "./runtime/shell-quote.ts";

/** A file or directory of the host that a container sees at another place. */
export interface Mount {
  readonly source: string;
  readonly target: string;
  readonly isReadOnly?: boolean;
}

/** An entry of a directory; `link` is where a symbolic link leads. */
export interface DirectoryEntry {
  readonly name: string;
  readonly kind: "directory" | "file" | "link";
  readonly link?: string;
}

/** What the planner asks of the file system. */
export interface MountPlace {
  exists(path: string): boolean;
  isDirectory(path: string): boolean;
  /** The path with symbolic links followed. */
  resolve(path: string): string;
  entries(directory: string): readonly DirectoryEntry[];
  /** Whether something is mounted below a directory: an overlay would not show it, and is refused to ordinary users. */
  hasMountsBelow(directory: string): boolean;
  /** Mount options of the file system there that an ordinary user may not drop, such as `nosuid`. */
  lockedOptions(path: string): readonly string[];
}

/** How to make mounts: what must be there before, and shell lines, each ended by `&&`. */
export interface MountPlan {
  readonly script: string;
  /** Made on the host, below the scratch directory or the source of another mount. */
  readonly directories: readonly string[];
  readonly files: readonly string[];
  readonly links: readonly { readonly path: string; readonly link: string }[];
  readonly tableFile: string;
  readonly table: string;
  /** Directories of the machine, or of the container's own root, that the plan covers by something that can be written to. */
  readonly covered: readonly string[];
}

/**
 * Plans how to make `mounts` in a fresh mount namespace, parents before children. A target that does not exist must not
 * be made on the host: the nearest directory above it is covered by an overlay first, whose additions live in `scratch`.
 * Where that directory would be the root, the container gets a root of its own into which the host's directories are
 * mounted; only those that need it pay for it.
 */
export function planMounts(wanted: readonly Mount[], scratch: string, place: MountPlace = hostPlace): MountPlan {
  const root = join(scratch, "root");
  const placed = placeMounts(wanted, scratch, place);
  const before = placed.filter(({ isMadeBefore }) => isMadeBefore);
  const isDirectory = ({ mount }: PlacedMount): boolean => place.isDirectory(mount.source);
  const overlays = planOverlays(placed, scratch, place);
  const mirrors = planMirrors(placed, scratch, place);
  const ownRoot = placed.some(({ inRoot }) => inRoot) ? planRoot(root, scratch, place) : noRoot;
  const tableFile = join(scratch, "mounts");
  const lines = (inRoot: boolean): string[] =>
    placed.filter((each) => each.inRoot === inRoot).map((each) => tableLine(each, place));
  // One process makes all bind mounts: starting a Pod is paid for in milliseconds.
  const binds = placed.length === 0 ? [] : [`mount --all --fstab ${quote(tableFile)} &&`];
  return {
    script: [...overlays.lines, ...binds, ...ownRoot.pivot].join("\n"),
    directories: [
      ...overlays.directories,
      ...mirrors.directories,
      ...ownRoot.directories,
      ...before.map((each) => (isDirectory(each) ? each.home : dirname(each.home))),
    ],
    files: [...mirrors.files, ...ownRoot.files, ...before.filter((each) => !isDirectory(each)).map(({ home }) => home)],
    links: [...mirrors.links, ...ownRoot.links],
    tableFile,
    // Into the new root goes what is mounted on the host's directories already.
    table: [...mirrors.lines, ...lines(false), ...ownRoot.lines, ...lines(true)].join(""),
    covered: [...overlays.anchors, ...mirrors.anchors, ...ownRoot.covered],
  };
}

/** Where each mount is made, parents before children. */
function placeMounts(wanted: readonly Mount[], scratch: string, place: MountPlace): PlacedMount[] {
  const mounts = wanted
    .map((mount) => ({ ...mount, target: normalize(mount.target).replace(/(?<=.)\/$/, "") }))
    .sort((a, b) => depthOf(a.target) - depthOf(b.target));
  return mounts.map((mount, index) => {
    const parent = mounts.slice(0, index).findLast(({ target }) => mount.target.startsWith(`${target}/`));
    const inRoot = !place.exists(`/${mount.target.split("/")[1] ?? ""}`);
    const at = inRoot ? join(scratch, "root", mount.target) : mount.target;
    const isMissing = parent === undefined && !inRoot && !place.exists(at);
    const mirror = isMissing ? mirrorFor(mount.target, scratch, place) : undefined;
    if (mirror !== undefined) return { mount, at, inRoot, home: mirror.home, isMadeBefore: true, mirror };
    // Below another mount its place is in what is mounted there, as container runtimes make it.
    const home = parent === undefined ? at : join(parent.source, mount.target.slice(parent.target.length));
    return { mount, at, inRoot, home, isMadeBefore: parent !== undefined || inRoot };
  });
}

/** Makes what a plan wants to find. */
export function prepareMounts({ directories, files, links, tableFile, table }: MountPlan): void {
  for (const path of directories) mkdirSync(path, { recursive: true });
  for (const path of files) writeFileSync(path, "", { flag: "a" });
  for (const { path, link } of links)
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) symlinkSync(link, path);
  mkdirSync(dirname(tableFile), { recursive: true });
  writeFileSync(tableFile, table);
}

interface PlacedMount {
  readonly mount: Mount;
  /** Where it is mounted, before the container's own root becomes the root. */
  readonly at: string;
  readonly inRoot: boolean;
  /** The path of its mount point as it is before anything is mounted. */
  readonly home: string;
  readonly isMadeBefore: boolean;
  readonly mirror?: Mirror;
}

/** A directory that is covered by one of ours, with all its entries mounted into it, where an overlay cannot be used. */
interface Mirror {
  readonly anchor: string;
  readonly directory: string;
  /** Where the target of the mount is in it. */
  readonly home: string;
}

/** An overlay would hide what is mounted below it, or give each container a copy of the volumes that lie below it. */
function mirrorFor(target: string, scratch: string, place: MountPlace): Mirror | undefined {
  const ancestor = ancestorOf(target, place);
  const anchor = place.resolve(ancestor);
  if (!place.hasMountsBelow(anchor) && !scratch.startsWith(`${anchor}/`)) return undefined;
  const directory = join(scratch, `mirror-${encodeURIComponent(anchor)}`);
  return { anchor, directory, home: join(directory, target.slice(ancestor.length)) };
}

function planMirrors(
  placed: readonly PlacedMount[],
  scratch: string,
  place: MountPlace,
): Shown & { anchors: string[] } {
  const mirrors = new Map(placed.flatMap(({ mirror }) => (mirror === undefined ? [] : [[mirror.anchor, mirror]])));
  const plans = [...mirrors.values()]
    .sort((a, b) => depthOf(a.anchor) - depthOf(b.anchor))
    .map(({ anchor, directory }) => {
      const shown = showEntries(anchor, directory, { scratch, place });
      return { ...shown, lines: [...shown.lines, `${escape(directory)} ${escape(anchor)} none rbind 0 0\n`] };
    });
  return {
    anchors: [...mirrors.keys()],
    lines: plans.flatMap(({ lines }) => lines),
    directories: plans.flatMap(({ directories }) => directories),
    files: plans.flatMap(({ files }) => files),
    links: plans.flatMap(({ links }) => links),
  };
}

/** What is needed to see the entries of one directory in another. */
interface Shown extends Pick<MountPlan, "directories" | "files" | "links"> {
  readonly lines: readonly string[];
}

function showEntries(from: string, to: string, { scratch, place }: { scratch: string; place: MountPlace }): Shown {
  const entries = place.entries(from);
  const shown = entries.filter(({ kind }) => kind !== "link");
  const holdsScratch = ({ name }: DirectoryEntry): boolean => scratch.startsWith(`${join(from, name)}/`);
  // The one that holds the new directory itself goes first, while there is nothing in it to be mounted twice.
  const ordered = [...shown.filter(holdsScratch), ...shown.filter((entry) => !holdsScratch(entry))];
  return {
    lines: ordered.map(({ name }) => `${escape(join(from, name))} ${escape(join(to, name))} none rbind 0 0\n`),
    directories: [to, ...shown.filter(({ kind }) => kind === "directory").map(({ name }) => join(to, name))],
    files: shown.filter(({ kind }) => kind === "file").map(({ name }) => join(to, name)),
    links: entries.flatMap(({ name, link }) => (link === undefined ? [] : [{ path: join(to, name), link }])),
  };
}

function planOverlays(
  placed: readonly PlacedMount[],
  scratch: string,
  place: MountPlace,
): { lines: string[]; directories: string[]; anchors: string[] } {
  const missing = placed.filter(({ at, isMadeBefore }) => !isMadeBefore && !place.exists(at)).map(({ mount }) => mount);
  const anchors = [...new Set(missing.map(({ target }) => place.resolve(ancestorOf(target, place))))].sort();
  // An overlay on a directory shows what lies below another one too; only the outermost are needed.
  const outermost = anchors.filter((anchor) => !anchors.some((other) => anchor.startsWith(`${other}/`)));
  const layers = outermost.map((anchor, index) => ({ anchor, layer: join(scratch, `overlay-${index}`) }));
  const mounting = layers.map(({ anchor, layer }) => {
    const options = `lowerdir=${anchor},upperdir=${layer}/upper,workdir=${layer}/work`;
    return `mount -t overlay overlay -o ${quote(options)} ${quote(anchor)} &&`;
  });
  const making = missing.map(({ source, target }) =>
    place.isDirectory(source)
      ? `mkdir -p ${quote(target)} &&`
      : `mkdir -p ${quote(dirname(target))} && touch ${quote(target)} &&`,
  );
  return {
    anchors: outermost,
    lines: [...mounting, ...making],
    directories: layers.flatMap(({ layer }) => [`${layer}/upper`, `${layer}/work`]),
  };
}

/** A root directory that shows the host's, and can have more in it. */
function planRoot(root: string, scratch: string, place: MountPlace): RootPlan {
  const shown = showEntries("/", root, { scratch, place });
  const former = join(root, FORMER_ROOT);
  return {
    ...shown,
    lines: [`${escape(root)} ${escape(root)} none bind 0 0\n`, ...shown.lines],
    directories: [...shown.directories, former],
    covered: place
      .entries("/")
      .flatMap(({ name, kind }) => (CLOSABLE.has(name) && kind === "directory" ? [`/${name}`] : [])),
    // The mount namespace gets the new root, so that whoever enters it later is in there as well.
    pivot: [`pivot_root ${quote(root)} ${quote(former)} && cd / && umount --lazy /${FORMER_ROOT} &&`],
  };
}

interface RootPlan extends Shown {
  readonly pivot: readonly string[];
  /** The directories of the machine that it shows. */
  readonly covered: readonly string[];
}

const noRoot: RootPlan = { lines: [], directories: [], files: [], links: [], pivot: [], covered: [] };

/** What of the machine's root can be made read-only without harm to what is mounted in it. */
const CLOSABLE = new Set([
  "bin",
  "etc",
  "home",
  "lib",
  "lib64",
  "media",
  "mnt",
  "opt",
  "root",
  "sbin",
  "srv",
  "tmp",
  "usr",
  "var",
]);

const FORMER_ROOT = ".kelvin-former-root";

/** A line of a mount table. */
export function tableLine(
  { mount: { source, isReadOnly = false }, at }: Pick<PlacedMount, "mount" | "at">,
  place: MountPlace,
): string {
  const options = isReadOnly ? ["rbind", "ro", ...place.lockedOptions(source)] : ["rbind"];
  return `${escape(source)} ${escape(at)} none ${options.join(",")} 0 0\n`;
}

/** The nearest directory above that exists. */
function ancestorOf(target: string, place: MountPlace): string {
  let ancestor = dirname(target);
  while (!place.exists(ancestor)) ancestor = dirname(ancestor);
  return ancestor;
}

function depthOf(path: string): number {
  return path.split("/").length;
}

/** Blanks end a word in a mount table. */
function escape(word: string): string {
  return word.replaceAll("\\", "\\134").replaceAll(" ", "\\040").replaceAll("\t", "\\011").replaceAll("\n", "\\012");
}
