import { accessSync, constants, existsSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { readImageConfig } from "./image-config.ts";
import { type Image, ImageError, type ImageSource } from "./image-source.ts";

/** Directories in which `dev.local/...` images are looked for. */
export interface ImageDirectories {
  /** The repository: its apps are `dev.local/apps/<name>`, its samples `dev.local/<name>`. */
  readonly repository: string;
  /** Searched before the samples. */
  readonly images?: string;
}

const PREFIX = "dev.local/";
const NAME_PATTERN = /^[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*$/;
/** Words without any meaning to a shell: such a script needs none. */
const PLAIN_SCRIPT = /^[\w./:@=+,-]+(?: +[\w./:@=+,-]+)*$/;

/** Directories of this machine as images: `dev.local/...`. They are run as they are, whatever the pull policy. */
export function makeDirectoryImages(directories: ImageDirectories): ImageSource {
  return {
    release: () => undefined,
    owns: (reference) => reference.startsWith(PREFIX),
    find: ({ reference }) => {
      try {
        return Promise.resolve({ image: resolveImage(reference, directories) });
      } catch (error) {
        return Promise.reject(error instanceof Error ? error : new Error(String(error)));
      }
    },
  };
}

/** Finds what `reference` runs. @throws ImageError when there is nothing to run. */
export function resolveImage(reference: string, directories: ImageDirectories): Image {
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
  const unpacked = join(directory, "rootfs");
  if (existsSync(unpacked))
    return { id: reference, rootfs: realpathSync(unpacked), needsShell: false, ...configOf(reference, directory) };
  const image = { id: reference, cmd: [], env: {}, workingDir: directory, user: "" };
  if (isExecutable(join(directory, "run"))) {
    return { ...image, entrypoint: [join(directory, "run")], needsShell: false };
  }
  return { ...image, ...commandOf(startScript(reference, directory), directory) };
}

/** What an unpacked image says of how it is run, in a `config.json` beside its `rootfs`. */
function configOf(reference: string, directory: string): ReturnType<typeof readImageConfig> {
  const file = join(directory, "config.json");
  try {
    return readImageConfig(existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {});
  } catch (cause) {
    const message = `image "${reference}" cannot run: ${file}: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new ImageError("ErrImagePull", message, { cause });
  }
}

function nameOf(reference: string): string {
  if (!reference.startsWith(PREFIX)) {
    throw new ImageError(
      "ErrImagePull",
      `image "${reference}" is not ${PREFIX}<name>, for a directory <name> under samples/ or --images-dir`,
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

/**
 * Without a shell in between the process is the app itself: it starts faster and gets its signals. Files of the directory
 * are named by their whole paths, so that a container with a working directory of its own finds them, as in an image.
 */
function commandOf(script: string, directory: string): { entrypoint: string[]; needsShell: boolean } {
  // `exec` is for shells; what runs the words without one replaces itself anyway.
  const words = script.replace(/^exec +/, "").split(/ +/);
  if (PLAIN_SCRIPT.test(script) && words[0]?.includes("=") === false) {
    const entrypoint = words.map((word) => (existsSync(join(directory, word)) ? join(directory, word) : word));
    return { entrypoint, needsShell: false };
  }
  return { entrypoint: ["/bin/sh", "-c", `${script} "$@"`, "start"], needsShell: true };
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
