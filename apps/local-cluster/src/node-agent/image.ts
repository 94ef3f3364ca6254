import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What an image reference stands for here: a directory and the command that it starts with. */
export interface RunnableImage {
  readonly directory: string;
  readonly command: readonly string[];
  /** The command is a shell that has the app as its child, so a signal must reach the whole group. */
  readonly needsShell: boolean;
}

/** Directories in which `dev.local/...` images are looked for. */
export interface ImageDirectories {
  /** The repository: its apps are `dev.local/apps/<name>`, its samples `dev.local/<name>`. */
  readonly repository: string;
  /** Searched before the samples. */
  readonly images?: string;
}

/** A reference that cannot be run here; the message names the cause and the remedy. */
export class ImageError extends Error {
  override readonly name = "ImageError";
  readonly reason: "ErrImagePull" | "InvalidImageName";
  constructor(reason: "ErrImagePull" | "InvalidImageName", message: string) {
    super(message);
    this.reason = reason;
  }
}

const PREFIX = "dev.local/";
const NAME_PATTERN = /^[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*$/;
/** Words without any meaning to a shell: such a script needs none. */
const PLAIN_SCRIPT = /^[\w./:@=+,-]+(?: +[\w./:@=+,-]+)*$/;

/** Finds what `reference` runs. @throws ImageError when there is nothing to run. */
export function resolveImage(reference: string, directories: ImageDirectories): RunnableImage {
  const name = nameOf(reference);
  const candidates = candidateDirectories(name, directories);
  const directory = candidates.find((candidate) => existsSync(candidate));
  if (directory === undefined) {
    const places = candidates.join(" or ");
    throw new ImageError(
      "ErrImagePull",
      `image "${reference}" not found: there is no directory ${places}. Create it, or correct the image's name.`,
    );
  }
  if (isExecutable(join(directory, "run"))) {
    return { directory, command: [join(directory, "run")], needsShell: false };
  }
  return { directory, ...commandOf(startScript(reference, directory)) };
}

function nameOf(reference: string): string {
  if (!reference.startsWith(PREFIX)) {
    throw new ImageError(
      "ErrImagePull",
      `image "${reference}" cannot be pulled: the local cluster runs directories as images and has no registry yet. ` +
        `Use dev.local/<name> for a directory <name> under samples/ or --images-dir.`,
    );
  }
  const name = reference
    .slice(PREFIX.length)
    .replace(/@.*$/, "")
    .replace(/:[^/]*$/, "");
  if (!NAME_PATTERN.test(name)) {
    throw new ImageError("InvalidImageName", `couldn't parse image name "${reference}": invalid reference format`);
  }
  return name;
}

function candidateDirectories(name: string, { repository, images }: ImageDirectories): string[] {
  if (name.startsWith("apps/")) return [join(repository, name)];
  return [...(images === undefined ? [] : [join(images, name)]), join(repository, "samples", name)];
}

function startScript(reference: string, directory: string): string {
  const file = join(directory, "package.json");
  const remedy = `Give it a package.json with a "start" script, or an executable file "run".`;
  if (!existsSync(file)) {
    throw new ImageError(
      "ErrImagePull",
      `image "${reference}" cannot run: ${directory} has no package.json. ${remedy}`,
    );
  }
  const script = parseStartScript(readFileSync(file, "utf8"));
  if (script === undefined || script.trim() === "") {
    throw new ImageError("ErrImagePull", `image "${reference}" cannot run: ${file} has no "start" script. ${remedy}`);
  }
  return script.trim();
}

function parseStartScript(text: string): string | undefined {
  try {
    const start = (JSON.parse(text) as { scripts?: { start?: unknown } } | null)?.scripts?.start;
    return typeof start === "string" ? start : undefined;
  } catch {
    // A package.json that is not JSON has no start script; the caller says so with the file's name.
    return undefined;
  }
}

/** Without a shell in between the process is the app itself: it starts faster and gets its signals. */
function commandOf(script: string): { command: string[]; needsShell: boolean } {
  // `exec` is for shells; what runs the words without one replaces itself anyway.
  const words = script.replace(/^exec +/, "").split(/ +/);
  if (PLAIN_SCRIPT.test(script) && words[0]?.includes("=") === false) return { command: words, needsShell: false };
  return { command: ["/bin/sh", "-c", `${script} "$@"`, "start"], needsShell: true };
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    // Absent or not executable: the package.json decides.
    return false;
  }
}
