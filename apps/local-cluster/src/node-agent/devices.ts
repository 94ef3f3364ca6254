import { type Dirent, mkdirSync, readdirSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../network/command.ts";

/** Where containers leave their last words unless they say otherwise. */
export const terminationLogPreset = "/dev/termination-log";

/** The devices that every container has, and those that a program may need to build or to measure. */
const DEVICES = new Set(["null", "zero", "full", "random", "urandom", "tty", "fuse", "kvm"]);
/** Terminals are made in a file system of ours: the host's makes none for a device that is mounted elsewhere. */
const TERMINALS = ["pts", "ptmx"];

/**
 * Gives the cluster a /dev of its own: links, directories and common devices of the host's, and a place for the file of last
 * words. The host's own must not get anything new. Where the kernel refuses, /dev stays as it is and there are no last words.
 */
export async function prepareDevices(scratch: string): Promise<void> {
  const stage = join(scratch, "dev");
  mkdirSync(stage, { recursive: true });
  const shown = readdirSync("/dev", { withFileTypes: true }).flatMap((entry) =>
    makePlace(stage, entry) ? [entry.name] : [],
  );
  writeFileSync(join(stage, "termination-log"), "");
  const table = join(scratch, "dev-mounts");
  const terminals = join(stage, "pts");
  mkdirSync(terminals, { recursive: true });
  symlinkSync("pts/ptmx", join(stage, "ptmx"));
  const lines = [
    ...shown.map((name) => `/dev/${name} ${join(stage, name)} none rbind 0 0\n`),
    `devpts ${terminals} devpts newinstance,ptmxmode=0666,mode=0620 0 0\n`,
  ];
  writeFileSync(table, lines.join(""));
  try {
    await runCommand(["mount", "--all", "--fstab", table]);
    await runCommand(["mount", "--rbind", stage, "/dev"]);
  } catch {
    // Said above: terminationMessagePath is then without effect, which README.md names.
  }
}

/** Makes an entry, or the place for it to be mounted; true for the latter. */
function makePlace(stage: string, entry: Dirent): boolean {
  const path = join(stage, entry.name);
  // A blank in a name would end the word in the table; no device that matters has one.
  if (/\s/.test(entry.name) || TERMINALS.includes(entry.name)) return false;
  if (entry.isSymbolicLink()) symlinkSync(readlinkSync(join("/dev", entry.name)), path);
  if (entry.isDirectory()) mkdirSync(path);
  const isDevice = DEVICES.has(entry.name) && (entry.isCharacterDevice() || entry.isFile());
  if (isDevice) writeFileSync(path, "");
  return entry.isDirectory() || isDevice;
}
