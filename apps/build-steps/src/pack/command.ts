import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
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
import { parseSettings, settingFlags, type ImageSettings } from "./image-settings.ts";
import { pushImage } from "./push-image.ts";

const spec = {
  ...settingFlags,
  image: "once",
  workspace: "once",
  directory: "once",
  base: "once",
  into: "once",
  exclude: "many",
  "static-server": "switch",
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
    context.say(`Packing ${directory} into /${into}`);
    const layers = [await packInto(join(scratch, "layer.tar.gz"), { directory, into, lines, context })];
    const [{ entries, bytes, descriptor }] = layers as [PackedFile];
    context.say(`  ${entries} files, ${formatBytes(bytes)}, packed ${formatBytes(descriptor.size)}`);
    // Below the site's own files: those change, the server does not.
    if (flags["static-server"]) layers.unshift(await packStaticServer(join(scratch, "server.tar.gz")));
    const digest = await withRegistry(context, async (client) => {
      const base = await readBaseImage(client, flags.base ?? "scratch", context.signal);
      const all = withDefaults(settings, { into, hasStaticServer: flags["static-server"] });
      const config = formatImageConfig(
        base,
        layers.map(({ diffId }) => diffId),
        all,
      );
      context.say(`Pushing ${requireFlag(flags, "image")} (on ${flags.base ?? "scratch"})`);
      return await pushImage(client, target, { image: { base, layers, config }, context });
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

type PackedFile = PackedLayer & { readonly file: string };

async function packInto(file: string, { directory, into, lines, context }: Packing): Promise<PackedFile> {
  const layer = await packLayer(directory, file, {
    prefix: into,
    isExcluded: parseExclusions(lines),
    signal: context.signal,
  });
  return { ...layer, file };
}

const serverFolder = "kelvin";
const serverFile = "static-server.mjs";

/** A layer of one file: the server that stands in every image of a static site. */
async function packStaticServer(file: string): Promise<PackedFile> {
  const directory = fileURLToPath(new URL("../static-server", import.meta.url));
  return { ...(await packLayer(directory, file, { prefix: serverFolder, only: [serverFile] })), file };
}

/** What nobody said: the container starts where its files are. */
function withDefaults(
  settings: ImageSettings,
  { into, hasStaticServer }: { into: string; hasStaticServer: boolean },
): ImageSettings {
  const workingDir = settings.workingDir ?? `/${into}`;
  if (!hasStaticServer) return { ...settings, workingDir };
  const entrypoint = settings.entrypoint ?? ["node", `/${serverFolder}/${serverFile}`];
  return { ...settings, workingDir, entrypoint, env: [`STATIC_DIR=/${into}`, ...settings.env] };
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
