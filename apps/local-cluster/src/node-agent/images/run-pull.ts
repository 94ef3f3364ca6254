import { spawn } from "node:child_process";
import { join } from "node:path";
import type { PodNetwork } from "../../network/network.ts";
import { makeSystemMounts } from "../system-files.ts";
import { toolPath } from "../runtime/tools.ts";
import { shellQuote } from "../runtime/shell-quote.ts";
import { type ImageRequest, ImageError } from "./image-source.ts";
import type { PullJob, PullOutcome, UnpackedImage } from "./pull-job.ts";

const OUTPUT_BYTES_MAX = 4 * 1024 * 1024;
const script = join(import.meta.dirname, "pull-main.ts");

export interface PullPlace extends Pick<ImageRequest, "pod" | "signal"> {
  readonly network: PodNetwork;
  /** The Pod's own directory. */
  readonly podDirectory: string;
  readonly nodeExecutable: string;
  readonly compileCache: string;
}

/** Pulls an image in a process of its own. @throws ImageError with the cause; the signal's reason when it aborts. */
export async function runPull(job: PullJob, place: PullPlace): Promise<UnpackedImage> {
  place.signal.throwIfAborted();
  const { output, errors } = await runPuller(JSON.stringify(job), place);
  place.signal.throwIfAborted();
  const outcome = parseOutcome(output);
  if (outcome === undefined)
    throw new ImageError("ErrImagePull", `the pull of ${job.reference} ended early: ${errors}`);
  if ("image" in outcome) return outcome.image;
  const { code, message } = outcome.failure;
  throw new ImageError(code === "InvalidReference" ? "InvalidImageName" : "ErrImagePull", message);
}

function parseOutcome(output: string): PullOutcome | undefined {
  try {
    return JSON.parse(output) as PullOutcome;
  } catch {
    // It was killed, or could not even begin: what it said of that is among its errors.
    return undefined;
  }
}

function runPuller(input: string, place: PullPlace): Promise<{ output: string; errors: string }> {
  const { pod, network, podDirectory, nodeExecutable, compileCache, signal } = place;
  // Names are looked up as the Pod does.
  const mounts = makeSystemMounts({ pod, podIp: network.address, directory: podDirectory }).map(
    ({ source, target }) => `mount --no-mtab --bind ${shellQuote(source)} ${shellQuote(target)} &&`,
  );
  const node = [nodeExecutable, "--conditions=@kelvin/source", "--use-system-ca", script];
  const shell = ["/bin/sh", "-c", [...mounts, 'exec "$@"'].join("\n"), "kelvin", ...node];
  const [file = "", ...args] = [...network.enter, "unshare", "--mount", "--propagation", "private", ...shell];
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      env: { PATH: toolPath, LANG: "C.UTF-8", NODE_COMPILE_CACHE: compileCache },
      stdio: ["pipe", "pipe", "pipe"],
      signal,
    });
    const [output, errors] = [collect(child.stdout), collect(child.stderr)];
    child.on("error", reject);
    child.on("close", () => resolve({ output: output(), errors: errors() }));
    // One that fails early closes its input; what it says of it comes out.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    if (text.length < OUTPUT_BYTES_MAX) text += chunk;
  });
  return () => text.trim();
}
