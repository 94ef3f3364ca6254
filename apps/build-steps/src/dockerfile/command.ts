import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatImageReference, isDigest } from "@kelvin/oci";
import type { Command } from "../command.ts";
import { parseFlags, requireFlag } from "../flags.ts";
import { splitPair } from "../pack/image-settings.ts";
import { parseTarget } from "../pack/command.ts";
import { StepFailure, UsageError } from "../step-failure.ts";
import { kindOf, requireDirectory, splitPath, splitTarget } from "../workspace/safe-path.ts";
import { openBuildah } from "./buildah.ts";

const spec = {
  image: "once",
  workspace: "once",
  directory: "once",
  file: "once",
  "build-arg": "many",
  target: "once",
} as const;

/** Builds a Dockerfile with Debian's buildah, and pushes the image. */
export const buildDockerfile: Command = async (args, context) => {
  const flags = parseFlags(args, spec);
  const image = requireFlag(flags, "image");
  const reference = parseTarget(image);
  const workspace = flags.workspace ?? "/workspace";
  const directory = await requireDirectory(workspace, splitTarget(workspace, flags.directory ?? "."));
  const file = await findDockerfile(directory, flags.file ?? "");
  const buildArgs = flags["build-arg"]
    .filter((text) => text !== "")
    .map((text) => splitPair(text, "build-arg").join("="));
  const target = parseStage(flags.target ?? "");
  const scratch = await mkdtemp(join(tmpdir(), "kelvin-dockerfile-"));
  try {
    const buildah = await openBuildah(scratch, context);
    const [iidFile, digestFile] = [join(scratch, "iid"), join(scratch, "digest")];
    context.say(`Building ${file}`);
    // Files get no time of today, and the history neither: the same input is the same image.
    const options = [
      "--isolation",
      "chroot",
      "--format",
      "oci",
      "--timestamp",
      "0",
      "--iidfile",
      iidFile,
      "--file",
      file,
    ];
    for (const buildArg of buildArgs) options.push("--build-arg", buildArg);
    if (target !== "") options.push("--target", target);
    await buildah.run("build", [...options, "--", directory]);
    context.say(`Pushing ${image}`);
    const built = (await readFile(iidFile, "utf8")).trim();
    await buildah.run("push", ["--digestfile", digestFile, "--", built, `docker://${formatImageReference(reference)}`]);
    const digest = (await readFile(digestFile, "utf8")).trim();
    if (!isDigest(digest))
      throw new StepFailure("DockerfileFailed", `buildah gave no digest but ${JSON.stringify(digest)}`);
    context.say(`Pushed ${image}@${digest}`);
    return [
      { name: "digest", value: digest },
      { name: "image", value: image },
    ];
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
};

/** The Dockerfile, Containerfile or the file named, below the directory and not behind a link. */
async function findDockerfile(directory: string, name: string): Promise<string> {
  const candidates = name === "" ? ["Dockerfile", "Containerfile"] : [name];
  for (const candidate of candidates) {
    const parts = splitPath(candidate, "--file");
    const folder = await requireDirectory(directory, parts.slice(0, -1));
    const file = join(folder, parts.at(-1) ?? "");
    if ((await kindOf(file)) === "file") return file;
  }
  throw new StepFailure(
    "DockerfileNotFound",
    `there is no file ${candidates.join(" or ")} in ${directory}; say where with --file`,
  );
}

function parseStage(target: string): string {
  if (target === "" || /^[A-Za-z0-9][\w.-]*$/.test(target)) return target;
  throw new UsageError(`--target takes the name of a stage, got ${JSON.stringify(target)}`);
}
