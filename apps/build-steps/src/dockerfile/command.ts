import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatImageReference, isDigest } from "@kelvin/oci";
import type { ImageReference } from "@kelvin/oci";
import type { Command, CommandContext } from "../command.ts";
import { parseFlags, requireFlag } from "../flags.ts";
import { withRegistry } from "../image/registry.ts";
import { splitPair } from "../pack/image-settings.ts";
import { parseTarget } from "../pack/command.ts";
import { StepFailure, UsageError } from "../step-failure.ts";
import { kindOf, requireDirectory, splitPath, splitTarget } from "../workspace/safe-path.ts";
import { fingerprint, reuseImage, writeRecord } from "./build-record.ts";
import type { BuildInput } from "./build-record.ts";
import { openBuildah } from "./buildah.ts";

const spec = {
  image: "once",
  workspace: "once",
  directory: "once",
  file: "once",
  "build-arg": "many",
  target: "once",
  record: "once",
} as const;

/** Builds a Dockerfile with Debian's buildah, and pushes the image. What was built before from the same is not built again. */
export const buildDockerfile: Command = async (args, context) => {
  const flags = parseFlags(args, spec);
  const image = requireFlag(flags, "image");
  const target = parseTarget(image);
  const workspace = flags.workspace ?? "/workspace";
  const directory = await requireDirectory(workspace, splitTarget(workspace, flags.directory ?? "."));
  const dockerfile = await findDockerfile(directory, flags.file ?? "");
  const options = ["--file", dockerfile];
  for (const text of flags["build-arg"]) {
    if (text !== "") options.push("--build-arg", splitPair(text, "build-arg").join("="));
  }
  const stage = parseStage(flags.target ?? "");
  if (stage !== "") options.push("--target", stage);
  const input = { directory, dockerfile, options };
  const digest = await buildUnlessKnown({ input, target, file: flags.record ?? "", context });
  context.say(`Pushed ${image}@${digest}`);
  return [
    { name: "digest", value: digest },
    { name: "image", value: image },
  ];
};

interface Building {
  readonly input: BuildInput;
  readonly target: ImageReference;
  /** Where the record is; empty for none. */
  readonly file: string;
  readonly context: CommandContext;
}

async function buildUnlessKnown(building: Building): Promise<string> {
  const { input, target, file, context } = building;
  const { signal } = context;
  if (file === "") return await build(building);
  const known = await withRegistry(context, async (client) => {
    const mark = await fingerprint(client, input, signal);
    return mark === undefined ? undefined : { mark, digest: await reuseImage(client, { file, mark, target }, signal) };
  });
  if (known?.digest !== undefined) {
    context.say("Files, options and base images are those of an earlier build: its image is taken");
    return known.digest;
  }
  const digest = await build(building);
  if (known !== undefined) await writeRecord(file, known.mark, digest);
  return digest;
}

async function build({ input, target, context }: Building): Promise<string> {
  const scratch = await mkdtemp(join(tmpdir(), "kelvin-dockerfile-"));
  try {
    const buildah = await openBuildah(scratch, context);
    const [iidFile, digestFile] = [join(scratch, "iid"), join(scratch, "digest")];
    context.say(`Building ${input.dockerfile}`);
    // Files get no time of today, and the history neither: the same input is the same image.
    const fixed = ["--isolation", "chroot", "--format", "oci", "--timestamp", "0", "--iidfile", iidFile];
    await buildah.run("build", [...fixed, ...input.options, "--", input.directory]);
    const name = formatImageReference(target);
    context.say(`Pushing ${name}`);
    const built = (await readFile(iidFile, "utf8")).trim();
    await buildah.run("push", ["--digestfile", digestFile, "--", built, `docker://${name}`]);
    const digest = (await readFile(digestFile, "utf8")).trim();
    if (isDigest(digest)) return digest;
    throw new StepFailure("DockerfileFailed", `buildah gave no digest but ${JSON.stringify(digest)}`);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

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
