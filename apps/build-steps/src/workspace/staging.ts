import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { StepFailure } from "../step-failure.ts";
import { kindOf, makeDirectory } from "./safe-path.ts";

const prefix = ".kelvin-fetch-";

/** Two fresh directories on the workspace's file system. */
export interface Stage {
  /** What is put here comes into the workspace. */
  readonly dir: string;
  /** What is put here is thrown away. */
  readonly scratch: string;
}

/**
 * Fills a fresh directory of the same file system, then moves what is in it to `workspace/target`: what fails half-way
 * leaves nothing behind, and nothing is ever written through links of an earlier source.
 */
export async function stageInto<T>(
  workspace: string,
  target: readonly string[],
  fill: (stage: Stage) => Promise<T>,
): Promise<T> {
  await removeLeftovers(workspace);
  const place = join(workspace, `${prefix}${randomBytes(6).toString("hex")}`);
  const stage = { dir: join(place, "tree"), scratch: join(place, "scratch") };
  for (const path of [place, stage.dir, stage.scratch]) await mkdir(path);
  try {
    const result = await fill(stage);
    const destination = await makeDirectory(workspace, target);
    for (const name of await readdir(stage.dir)) await moveInto(join(stage.dir, name), join(destination, name));
    return result;
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

/** A run that was killed leaves its directory; this one is the only one that runs now. */
async function removeLeftovers(workspace: string): Promise<void> {
  for (const name of await readdir(workspace)) {
    if (name.startsWith(prefix)) await rm(join(workspace, name), { recursive: true, force: true });
  }
}

/** Moves a file or tree. Directories merge; a file takes another's place; anything else is a clash. */
async function moveInto(from: string, to: string): Promise<void> {
  const [kind, existing] = [await kindOf(from), await kindOf(to)];
  // A repository is replaced whole: two of them merged would be neither.
  if (existing === "directory" && to.endsWith("/.git")) await rm(to, { recursive: true });
  else if (existing === "directory" && kind === "directory") {
    for (const name of await readdir(from)) await moveInto(join(from, name), join(to, name));
    return;
  } else if (existing !== "missing" && (existing === "directory" || kind === "directory")) {
    throw new StepFailure(
      "PathTaken",
      `${to} is a ${existing} already, and the source brings a ${kind}; give the source a targetPath of its own`,
    );
  }
  await rename(from, to);
}
