// Pulls one image: a process of its own, in the network of a Pod, so that names and ways out are those of Pods, and unpacking
// takes no time from the API server. It may be killed at any line.
import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import {
  formatImageReference,
  type ImageReference,
  OciError,
  openContentStore,
  openRegistryClient,
  parseDockerConfig,
  parseImageReference,
  type PulledImage,
  pullImage,
  unpackImage,
  type ContentStore,
} from "@kelvin/oci";
import { imagePlaces, type PullJob, type PullOutcome, type UnpackedImage } from "./pull-job.ts";

const abort = new AbortController();
process.once("SIGTERM", () => abort.abort(new Error("the pull was given up")));

async function pull({ reference: asked, directory, dockerConfigs }: PullJob): Promise<UnpackedImage> {
  const reference = parseImageReference(asked);
  const client = openRegistryClient({
    credentials: dockerConfigs.flatMap((config) => parseDockerConfig(config)),
    endpoints: hostEndpoint(reference),
  });
  const store = openContentStore(directory);
  const { signal } = abort;
  try {
    const image = await pullImage(client, reference, { store, signal });
    return await unpackOnce(image, store);
  } finally {
    client.close();
  }
}

/** This machine's own registry, under a name that means the machine in a Pod too. */
function hostEndpoint({ registry }: ImageReference): Record<string, string> {
  const port = /^(?:localhost|127\.0\.0\.1)(:\d+)?$/.exec(registry);
  return port === null ? {} : { [registry]: `http://registry.localhost${port[1] ?? ""}` };
}

async function unpackOnce(pulled: PulledImage, store: ContentStore): Promise<UnpackedImage> {
  const { manifest, descriptor, config, reference } = pulled;
  const key = manifest.config.digest.replace(/^.*:/, "");
  const blobs = [descriptor, manifest.config, ...manifest.layers].map(({ digest, size }) => ({ digest, size }));
  const { tag: _, ...byDigest } = reference;
  const image = { key, id: formatImageReference(byDigest), config: { config: config.config }, blobs };
  const home = join(store.directory, imagePlaces.roots, key);
  if (existsSync(home)) return { ...image, bytes: 0 };
  const stage = store.temporaryPath();
  try {
    await mkdir(join(stage, "rootfs"), { recursive: true });
    const { bytes } = await unpackImage(pulled, join(stage, "rootfs"), { store, signal: abort.signal });
    await writeFile(join(stage, "image.json"), JSON.stringify({ ...image, bytes }));
    // Under its name everything of it is on disk.
    await promisify(execFile)("sync", ["--file-system", stage]);
    await mkdir(join(store.directory, imagePlaces.roots), { recursive: true });
    await rename(stage, home).catch(ifThereAlready(home));
    return { ...image, bytes };
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

function ifThereAlready(home: string): (error: Error) => void {
  return (error) => {
    if (!existsSync(home)) throw error;
  };
}

function failureOf(error: unknown): PullOutcome {
  const code = error instanceof OciError ? error.code : ((error as NodeJS.ErrnoException).code ?? "");
  const message = error instanceof Error ? error.message : String(error);
  return { failure: { code, message } };
}

const job = JSON.parse(await text(process.stdin)) as PullJob;
const outcome = await pull(job).then((image): PullOutcome => ({ image }), failureOf);
process.stdout.write(JSON.stringify(outcome));
