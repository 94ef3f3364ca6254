import { join } from "node:path";
import type { Command } from "../command.ts";
import { countFlag, parseFlags, requireFlag } from "../flags.ts";
import { StepFailure, UsageError } from "../step-failure.ts";
import { formatBytes, openBudget, parseLimits } from "../workspace/limits.ts";
import { requireDirectory, splitPath, splitTarget } from "../workspace/safe-path.ts";
import { stageInto } from "../workspace/staging.ts";
import { download } from "./download.ts";
import { googleEndpoint, parseLocation } from "./location.ts";
import { fetchManifest } from "./manifest.ts";
import { unpackArchive } from "./unpack.ts";

const spec = {
  url: "once",
  name: "once",
  workspace: "once",
  target: "once",
  "sub-path": "once",
  sha256: "once",
  type: "once",
  endpoint: "once",
  "token-file": "once",
  "max-bytes": "once",
  "max-files": "once",
  "stall-seconds": "once",
} as const;

/** Fetches an archive, or the files of a manifest, into the workspace. */
export const fetchArchive: Command = async (args, context) => {
  const flags = parseFlags(args, spec);
  const workspace = flags.workspace ?? "/workspace";
  const target = splitTarget(workspace, flags.target ?? ".");
  const subPath = splitPath(flags["sub-path"] ?? "", "--sub-path");
  const type = parseType(flags.type ?? "Archive");
  const sha256 = parseSha256(flags.sha256);
  const budget = openBudget(parseLimits(flags));
  const bucket = { endpoint: flags.endpoint ?? googleEndpoint, tokenFile: flags["token-file"] };
  const location = await parseLocation(requireFlag(flags, "url"), bucket);
  if (location.authorization !== undefined) context.hide(location.authorization.replace(/^\w+ /, ""));
  const options = {
    limits: budget.limits,
    stallMs: countFlag(flags, "stall-seconds", 20) * 1000,
    retryDelayMs: 100,
    signal: context.signal,
  };
  context.say(`Fetching ${location.shown}`);
  const got = await stageInto(workspace, target, async (stage) => {
    const file = join(stage.scratch, "download");
    const downloaded = await download(location, file, options);
    checkSha256(downloaded.sha256, sha256, location.shown);
    if (type === "Manifest") await fetchManifest(file, stage, { options, bucket, budget });
    else await unpackArchive(file, stage.dir, budget);
    return downloaded;
  });
  await requireDirectory(workspace, subPath);
  context.say(
    `${budget.files} files, ${formatBytes(budget.bytes)} from ${formatBytes(got.bytes)}, sha256 ${got.sha256}`,
  );
  return [
    { name: "digest", value: `sha256:${got.sha256}` },
    { name: "size", value: String(type === "Manifest" ? budget.bytes : got.bytes) },
  ];
};

function parseType(type: string): "Archive" | "Manifest" {
  if (type === "Archive" || type === "Manifest") return type;
  throw new UsageError(`--type takes Archive or Manifest, got ${JSON.stringify(type)}`);
}

function parseSha256(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const digits = text.toLowerCase().replace(/^sha256:/, "");
  if (/^[0-9a-f]{64}$/.test(digits)) return digits;
  throw new UsageError(`--sha256 takes 64 hexadecimal digits, got ${JSON.stringify(text)}`);
}

function checkSha256(actual: string, wanted: string | undefined, shown: string): void {
  if (wanted === undefined || wanted === actual) return;
  throw new StepFailure(
    "ChecksumMismatch",
    `${shown} has the sha256 ${actual}, ${wanted} was asked for; correct the checksum, or find out who changed the file`,
  );
}
