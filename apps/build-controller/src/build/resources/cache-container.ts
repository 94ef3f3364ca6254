import { createHash } from "node:crypto";
import { serviceAccountDefault, type Build, type BuildConfig, type Step } from "@kelvin/api/build/v1alpha1";
import type { Container, Mount, Volume } from "./pod-types.ts";
import { makeOwnContainer } from "./source-container.ts";

/** Where the cache store of a node is mounted, in Kelvin's own containers only. */
const cacheVolume = "step-cache";
const cachePath = "/builder/cache";

/** Whether caches can be kept at all. */
export function hasCacheStore({ cacheEndpoint, cacheHostPath }: BuildConfig): boolean {
  return cacheEndpoint !== undefined || cacheHostPath !== undefined;
}

/** The volume that the store is in, if it is a directory. */
export function cacheVolumes({ cacheHostPath }: BuildConfig): Volume[] {
  return cacheHostPath === undefined
    ? []
    : [{ name: cacheVolume, hostPath: { path: cacheHostPath, type: "DirectoryOrCreate" } }];
}

/** The containers around a step with a cache. An untrusted ref reads and never writes. */
export function cacheContainers(
  step: Step,
  stepName: string,
  { build, config }: { readonly build: Build; readonly config: BuildConfig },
): { readonly restore?: Container; readonly save?: Container } {
  const { cache } = step;
  if (cache === undefined || !hasCacheStore(config)) return {};
  const mounts: Mount[] = config.cacheHostPath === undefined ? [] : [{ name: cacheVolume, mountPath: cachePath }];
  const args = [
    `--scope=${cacheScope(build, stepName)}`,
    `--branch=${branchOf(build)}`,
    ...cache.key.map((glob) => `--key=${glob}`),
    ...cache.paths.map((path) => `--path=${path}`),
    config.cacheEndpoint === undefined ? `--dir=${cachePath}` : `--endpoint=${config.cacheEndpoint}`,
  ];
  // Not named after the step alone: a step may be called anything.
  const make = (what: string): Container =>
    makeOwnContainer(`cache-${what}-${stepName}`.slice(0, 63), [`cache-${what}`, ...args], { config, mounts });
  return isUntrusted(branchOf(build)) ? { restore: make("restore") } : { restore: make("restore"), save: make("save") };
}

/** Who may see an entry: the same step of Builds of one namespace, ServiceAccount and source. */
export function cacheScope({ metadata, spec }: Build, stepName: string): string {
  const sources = [...(spec.source === undefined ? [] : [spec.source]), ...(spec.sources ?? [])];
  const origins = sources.map(
    ({ git, gcs, archive, image }) => git?.url ?? gcs?.location ?? archive?.url ?? image?.reference,
  );
  const account = spec.serviceAccountName ?? serviceAccountDefault;
  const content = JSON.stringify([metadata.namespace, account, origins, stepName]);
  return `${metadata.namespace ?? ""}/${createHash("sha256").update(content).digest("hex").slice(0, 32)}`;
}

function branchOf({ spec }: Build): string {
  const source = spec.source ?? spec.sources?.find(({ git }) => git !== undefined);
  return source?.git?.revision ?? "";
}

/** What anybody can push by opening a change request. */
function isUntrusted(revision: string): boolean {
  return /^(refs\/)?(pull|pull-requests|merge-requests|changes)\//.test(revision);
}
