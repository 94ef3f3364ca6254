import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Clock, type KubeClient, type Pod, Secret } from "@kelvin/kube";
import { readImageConfig } from "./image-config.ts";
import { type FoundImage, type Image, ImageError, type ImageRequest, type ImageSource } from "./image-source.ts";
import { imagePlaces, type UnpackedImage } from "./pull-job.ts";
import { runPull } from "./run-pull.ts";

/** Pulls at the same time: each may take a processor and much of the disk's time. */
const PULLS_MAX = 2;
/** No pull takes as long. */
const PULL_MS_MAX = 24 * 3_600_000;
const BYTES_MAX_PRESET = 20 * 1024 ** 3;

export interface PulledImagesOptions {
  readonly kube: KubeClient;
  readonly clock: Clock;
  /** Kept across restarts. */
  readonly directory: string;
  readonly nodeExecutable: string;
  readonly compileCache: string;
  /** How much images may take together; beyond it those go that no Pod uses. */
  readonly bytesMax?: number;
  readonly reportError: (message: string, error: unknown) => void;
}

interface Pulled extends PulledImagesOptions {
  /** Before then nobody of this life has pulled. Unix time. */
  readonly openedMs: number;
  /** Pods by the key of an image that they use. */
  readonly users: Map<string, Set<string>>;
  /** Pulls under way, by what they ask for: who asks the same waits for the same. */
  readonly underWay: Map<string, Promise<UnpackedImage>>;
  readonly slots: { free: number; readonly waiting: (() => void)[] };
}

/** Images from registries, unpacked once and kept by digest. It answers for every reference. */
export function openPulledImages(options: PulledImagesOptions): ImageSource {
  mkdirSync(join(options.directory, imagePlaces.references), { recursive: true });
  const pulled: Pulled = {
    ...options,
    openedMs: options.clock.now().getTime(),
    users: new Map(),
    underWay: new Map(),
    slots: { free: PULLS_MAX, waiting: [] },
  };
  return {
    owns: () => true,
    find: (request) => find(pulled, request),
    release(pod) {
      for (const users of pulled.users.values()) users.delete(pod.metadata.uid ?? "");
    },
  };
}

async function find(pulled: Pulled, request: ImageRequest): Promise<FoundImage> {
  const { reference, pullPolicy, pod } = request;
  const known = pullPolicy === "Always" ? undefined : recall(pulled, reference);
  if (known !== undefined) return { image: use(pulled, known, pod) };
  if (pullPolicy === "Never")
    throw new ImageError(
      "ErrImageNeverPull",
      `Container image "${reference}" is not present with pull policy of Never`,
    );
  request.onPull();
  const startedMs = performance.now();
  const unpacked = await pullOnce(pulled, request);
  const image = use(pulled, unpacked, pod);
  remember(pulled, reference, unpacked);
  evictUnused(pulled);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(3);
  return {
    image,
    pulled: `Successfully pulled image "${reference}" in ${seconds}s. Image size: ${unpacked.bytes} bytes.`,
  };
}

/** Who may pull with one Pod's Secrets says nothing of another's: only the same words to the same registry are shared. */
async function pullOnce(pulled: Pulled, request: ImageRequest): Promise<UnpackedImage> {
  const { reference } = request;
  const dockerConfigs = await readPullSecrets(pulled.kube, request.pod);
  const identity = JSON.stringify([reference, dockerConfigs]);
  const underWay = pulled.underWay.get(identity);
  if (underWay !== undefined) {
    // Its own asker may give up; then it is begun anew.
    const shared = await underWay.catch(() => undefined);
    request.signal.throwIfAborted();
    return shared ?? pullOnce(pulled, request);
  }
  const { directory, nodeExecutable, compileCache, slots } = pulled;
  const pulling = inSlot(slots, () =>
    runPull({ reference, directory, dockerConfigs }, { ...request, nodeExecutable, compileCache }),
  );
  pulled.underWay.set(identity, pulling);
  try {
    return await pulling;
  } finally {
    pulled.underWay.delete(identity);
  }
}

async function inSlot<T>(slots: Pulled["slots"], work: () => Promise<T>): Promise<T> {
  if (slots.free > 0) slots.free -= 1;
  else await new Promise<void>((resolve) => slots.waiting.push(resolve));
  try {
    return await work();
  } finally {
    const next = slots.waiting.shift();
    if (next === undefined) slots.free += 1;
    else next();
  }
}

/** The ServiceAccount's are among the Pod's: admission has put them there. A Secret that is missing is no pull Secret. */
async function readPullSecrets(kube: KubeClient, { metadata, spec }: Pod): Promise<string[]> {
  const namespace = metadata.namespace ?? "";
  const names = (spec?.imagePullSecrets ?? []).map(({ name = "" }) => name);
  const secrets = await Promise.all(names.map((name) => kube.find(Secret, { namespace, name })));
  return secrets.flatMap((secret) => {
    const data = secret?.data?.[".dockerconfigjson"] ?? secret?.data?.[".dockercfg"];
    return data === undefined ? [] : [Buffer.from(data, "base64").toString("utf8")];
  });
}

/** What a reference led to the last time, if that is still there. */
function recall({ directory }: Pulled, reference: string): UnpackedImage | undefined {
  const file = referenceFile(directory, reference);
  if (!existsSync(file)) return undefined;
  const unpacked = JSON.parse(readFileSync(file, "utf8")) as UnpackedImage;
  return existsSync(join(directory, imagePlaces.roots, unpacked.key)) ? unpacked : undefined;
}

function remember({ directory }: Pulled, reference: string, unpacked: UnpackedImage): void {
  const file = referenceFile(directory, reference);
  writeFileSync(`${file}.new`, JSON.stringify(unpacked));
  renameSync(`${file}.new`, file);
}

function referenceFile(directory: string, reference: string): string {
  const name = createHash("sha256").update(reference).digest("hex");
  return join(directory, imagePlaces.references, `${name}.json`);
}

function use({ directory, users }: Pulled, { key, id, config }: UnpackedImage, pod: Pod): Image {
  const home = join(directory, imagePlaces.roots, key);
  const of = users.get(key) ?? new Set();
  users.set(key, of.add(pod.metadata.uid ?? ""));
  // Those used last are the last to go.
  utimesSync(home, new Date(), new Date());
  return { id, rootfs: join(home, "rootfs"), needsShell: false, ...readImageConfig(config) };
}

function evictUnused({ directory, users, bytesMax = BYTES_MAX_PRESET, openedMs, clock, reportError }: Pulled): void {
  const abandonedBeforeMs = Math.max(openedMs, clock.now().getTime() - PULL_MS_MAX);
  const isUsed = (key: string): boolean => (users.get(key)?.size ?? 0) > 0;
  // Loaded with the first pull: a cluster starts without it.
  const evicting = import("./evict-images.ts").then(({ evictImages }) =>
    evictImages({ directory, bytesMax, isUsed, abandonedBeforeMs }),
  );
  evicting.catch((error: unknown) => {
    reportError("Failed to remove images that no Pod uses", error);
  });
}
