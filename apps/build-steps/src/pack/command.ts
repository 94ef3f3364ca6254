import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packLayer, parseImageReference } from "@kelvin/oci";
import type { ImageReference, PackedLayer } from "@kelvin/oci";
import type { Command, CommandContext } from "../command.ts";
import { errorCode } from "../error-code.ts";
import { parseFlags, requireFlag } from "../flags.ts";
import { explainRegistryError, withRegistry } from "../image/registry.ts";
import { UsageError } from "../step-failure.ts";
import { formatBytes } from "../workspace/limits.ts";
import { kindOf, requireDirectory, splitPath, splitTarget } from "../workspace/safe-path.ts";
import { readBaseImage } from "./base-image.ts";
import { parseExclusions } from "./exclusions.ts";
import { formatImageConfig } from "./image-config.ts";
import { parseSettings, settingFlags } from "./image-settings.ts";
import { pushImage } from "./push-image.ts";

const spec = {
  ...settingFlags,
  image: "once",
  workspace: "once",
  directory: "once",
  base: "once",
  into: "once",
  exclude: "many",
} as const;

/** Turns a directory into an image on a base, and pushes it. */
export const packDirectory: Command = async (args, context) => {
  const flags = parseFlags(args, spec);
  const settings = parseSettings(flags);
  const target = parseTarget(requireFlag(flags, "image"));
  const workspace = flags.workspace ?? "/workspace";
  const directory = await requireDirectory(workspace, splitTarget(workspace, flags.directory ?? "."));
  const into = parseInto(flags.into);
  const lines = [...(await readIgnoreFile(directory)), ...flags.exclude];
  const scratch = await mkdtemp(join(tmpdir(), "kelvin-pack-"));
  try {
    const layerFile = join(scratch, "layer.tar.gz");
    context.say(`Packing ${directory} into /${into}`);
    const layer = await packInto(layerFile, { directory, into, lines, context });
    context.say(`  ${layer.entries} files, ${formatBytes(layer.bytes)}, packed ${formatBytes(layer.descriptor.size)}`);
    const digest = await withRegistry(context, async (client) => {
      const base = await readBaseImage(client, flags.base ?? "scratch", context.signal);
      const config = formatImageConfig(base, layer.diffId, {
        ...settings,
        workingDir: settings.workingDir ?? `/${into}`,
      });
      context.say(`Pushing ${requireFlag(flags, "image")} (on ${flags.base ?? "scratch"})`);
      return await pushImage(client, target, { image: { base, layer, layerFile, config }, context });
    });
    context.say(`Pushed ${requireFlag(flags, "image")}@${digest}`);
    return [
      { name: "digest", value: digest },
      { name: "image", value: requireFlag(flags, "image") },
    ];
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
};

interface Packing {
  readonly directory: string;
  readonly into: string;
  readonly lines: readonly string[];
  readonly context: CommandContext;
}

async function packInto(file: string, { directory, into, lines, context }: Packing): Promise<PackedLayer> {
  return await packLayer(directory, file, {
    prefix: into,
    isExcluded: parseExclusions(lines),
    signal: context.signal,
  });
}

/** Where to push to. @throws StepFailure for what is no reference, UsageError for one with a digest, which only pushing can tell. */
export function parseTarget(text: string): ImageReference {
  let reference: ImageReference;
  try {
    reference = parseImageReference(text);
  } catch (error) {
    throw explainRegistryError(error);
  }
  if (reference.digest === undefined) return reference;
  throw new UsageError(`--image takes a name to push to, without a digest, got ${JSON.stringify(text)}`);
}

/** Where in the image the files are put, without the slash at its beginning. */
function parseInto(text: string | undefined): string {
  const path = text === undefined || text === "" ? "/app" : text;
  if (!path.startsWith("/")) throw new UsageError(`--into takes an absolute path, got ${JSON.stringify(path)}`);
  return splitPath(path.replace(/^\/+/, ""), "--into").join("/");
}

const ignoreBytesMax = 1024 * 1024;

/** .dockerignore of the directory, unless it is a link: that might lead anywhere. */
async function readIgnoreFile(directory: string): Promise<string[]> {
  const file = join(directory, ".dockerignore");
  if ((await kindOf(file)) !== "file") return [];
  try {
    const text = await readFile(file, "utf8");
    if (text.length > ignoreBytesMax) throw new UsageError(".dockerignore is larger than 1 MiB");
    return text.split("\n");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}
