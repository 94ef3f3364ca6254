import { join } from "node:path";
import { openContentStore, parseImageReference, pullImage, unpackImage } from "@kelvin/oci";
import { ratioMax } from "../archive/unpack.ts";
import type { Command } from "../command.ts";
import { parseFlags, requireFlag } from "../flags.ts";
import { formatBytes, openBudget, parseLimits, spend } from "../workspace/limits.ts";
import { requireDirectory, splitPath, splitTarget } from "../workspace/safe-path.ts";
import { stageInto } from "../workspace/staging.ts";
import { withRegistry } from "./registry.ts";

const spec = {
  image: "once",
  name: "once",
  workspace: "once",
  target: "once",
  "sub-path": "once",
  "max-bytes": "once",
  "max-files": "once",
} as const;

/** Puts the files of an image into the workspace. */
export const fetchImage: Command = async (args, context) => {
  const flags = parseFlags(args, spec);
  const workspace = flags.workspace ?? "/workspace";
  const target = splitTarget(workspace, flags.target ?? ".");
  const subPath = splitPath(flags["sub-path"] ?? "", "--sub-path");
  const budget = openBudget(parseLimits(flags));
  const text = requireFlag(flags, "image");
  context.say(`Fetching the image ${text}`);
  const digest = await withRegistry(context, async (client) => {
    const reference = parseImageReference(text);
    return await stageInto(workspace, target, async ({ dir, scratch }) => {
      const store = openContentStore(join(scratch, "content"));
      const { bytesMax, filesMax } = budget.limits;
      const image = await pullImage(client, reference, { store, bytesMax, signal: context.signal });
      const unpacked = await unpackImage(image, dir, {
        store,
        owners: "self",
        isShared: true,
        limits: { bytesMax, entriesMax: filesMax, ratioMax },
        signal: context.signal,
      });
      spend(budget, unpacked.bytes, unpacked.entries);
      return image.reference.digest;
    });
  });
  await requireDirectory(workspace, subPath);
  context.say(`${digest}: ${budget.files} files, ${formatBytes(budget.bytes)}`);
  return [
    { name: "digest", value: digest },
    { name: "size", value: String(budget.bytes) },
  ];
};
