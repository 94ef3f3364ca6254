import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ConfigMap, type KubeClient, type Pod, Secret } from "@kelvin/kube";
import { ContainerConfigError, type ContainerSpec, type EnvSources, fieldValue } from "./container-env.ts";
import type { Mount } from "./mounts.ts";
import { isVolumePath, type ProjectedFiles, writeProjectedFiles } from "./projected-files.ts";

type Volume = NonNullable<NonNullable<Pod["spec"]>["volumes"]>[number];
type ProjectedSource = NonNullable<NonNullable<Volume["projected"]>["sources"]>[number];
type KeyToPath = NonNullable<NonNullable<Volume["configMap"]>["items"]>[number];

/** A token for a Pod's ServiceAccount. */
export interface MintedToken {
  readonly token: string;
  readonly expiresAtMs: number;
}

export interface TokenRequest {
  readonly namespace: string;
  readonly serviceAccountName: string;
  readonly pod: { readonly name: string; readonly uid: string };
  readonly audiences?: readonly string[];
  readonly expirationSeconds: number;
}

export interface VolumeDeps {
  readonly kube: KubeClient;
  readonly mintToken: (request: TokenRequest) => Promise<MintedToken>;
  readonly nowMs: () => number;
}

export interface VolumeScope extends Pick<EnvSources, "pod" | "podIp" | "hostIp"> {
  /** Where this Pod's volumes live. */
  readonly directory: string;
}

export interface PreparedVolumes {
  /** Directory on the host by volume name. */
  readonly directories: ReadonlyMap<string, string>;
  /** When a token must be written anew; undefined without one. */
  readonly refreshAtMs: number | undefined;
}

const TOKEN_SECONDS = 3607;
const FILE_MODE = 0o644;

/** All volumes of a Pod; the API server has added the ServiceAccount's. @throws ContainerConfigError when a source is missing or of an unknown kind. */
export async function prepareVolumes(scope: VolumeScope, deps: VolumeDeps): Promise<PreparedVolumes> {
  const directories = new Map<string, string>();
  let refreshAtMs: number | undefined;
  for (const volume of scope.pod.spec?.volumes ?? []) {
    if (volume.hostPath !== undefined) {
      directories.set(volume.name, volume.hostPath.path);
      continue;
    }
    const directory = join(scope.directory, volume.name);
    mkdirSync(directory, { recursive: true });
    directories.set(volume.name, directory);
    if (volume.emptyDir !== undefined) continue;
    const content = await contentOf(volume, scope, deps);
    writeProjectedFiles(directory, content.files, String(deps.nowMs()));
    if (content.refreshAtMs !== undefined) refreshAtMs = Math.min(refreshAtMs ?? Infinity, content.refreshAtMs);
  }
  return { directories, refreshAtMs };
}

/** What one container mounts, in order. @throws ContainerConfigError when a mount names no volume or leaves it. */
export function mountsOf(container: ContainerSpec, volumes: PreparedVolumes): Mount[] {
  return (container.volumeMounts ?? []).map(({ name, mountPath, subPath }): Mount => {
    const directory = volumes.directories.get(name);
    if (directory === undefined) throw new ContainerConfigError(`volumeMount "${name}" names no volume of the Pod`);
    if (subPath !== undefined && !isVolumePath(subPath))
      throw new ContainerConfigError(`subPath "${subPath}" leaves the volume`);
    return { source: subPath === undefined ? directory : join(directory, subPath), target: mountPath };
  });
}

interface Content {
  files: ProjectedFiles;
  refreshAtMs?: number;
}

async function contentOf(volume: Volume, scope: VolumeScope, deps: VolumeDeps): Promise<Content> {
  const { configMap, secret, projected, downwardAPI } = volume;
  if (configMap !== undefined) return { files: await configMapFiles(configMap, scope, deps) };
  if (secret !== undefined) {
    const { secretName, ...rest } = secret;
    return { files: await secretFiles({ name: secretName, ...rest }, scope, deps) };
  }
  if (downwardAPI !== undefined) return { files: downwardFiles(downwardAPI.items ?? [], scope) };
  if (projected !== undefined) return projectedFiles(projected.sources ?? [], scope, deps);
  const kind = Object.keys(volume).find((key) => key !== "name") ?? "none";
  throw new ContainerConfigError(`volume "${volume.name}" is of kind "${kind}", which the local cluster does not have`);
}

async function projectedFiles(
  sources: readonly ProjectedSource[],
  scope: VolumeScope,
  deps: VolumeDeps,
): Promise<Content> {
  const files = new Map<string, { content: Buffer | string; mode: number }>();
  let refreshAtMs: number | undefined;
  for (const { configMap, secret, downwardAPI, serviceAccountToken } of sources) {
    if (configMap !== undefined) merge(files, await configMapFiles(configMap, scope, deps));
    if (secret !== undefined) merge(files, await secretFiles(secret, scope, deps));
    if (downwardAPI !== undefined) merge(files, downwardFiles(downwardAPI.items ?? [], scope));
    if (serviceAccountToken === undefined) continue;
    const { audience, expirationSeconds, path } = serviceAccountToken;
    const minted = await deps.mintToken({
      ...tokenSubject(scope.pod),
      ...(audience !== undefined && { audiences: [audience] }),
      expirationSeconds: expirationSeconds ?? TOKEN_SECONDS,
    });
    files.set(path, { content: minted.token, mode: FILE_MODE });
    // At 80 % of its life, so that a reader that holds on to it for a while is still believed.
    const nowMs = deps.nowMs();
    refreshAtMs = Math.min(refreshAtMs ?? Infinity, nowMs + (minted.expiresAtMs - nowMs) * 0.8);
  }
  return { files, ...(refreshAtMs !== undefined && { refreshAtMs }) };
}

function tokenSubject(pod: Pod): Pick<TokenRequest, "namespace" | "serviceAccountName" | "pod"> {
  const { name = "", namespace = "", uid = "" } = pod.metadata;
  return { namespace, serviceAccountName: pod.spec?.serviceAccountName ?? "default", pod: { name, uid } };
}

interface KeyedSource {
  name?: string | undefined;
  items?: KeyToPath[];
  optional?: boolean;
  defaultMode?: number;
}

async function configMapFiles(
  source: KeyedSource,
  { pod }: VolumeScope,
  { kube }: VolumeDeps,
): Promise<ProjectedFiles> {
  const found = await kube.find(ConfigMap, { namespace: pod.metadata.namespace ?? "", name: source.name ?? "" });
  if (found === undefined && source.optional !== true)
    throw new ContainerConfigError(`configmap "${source.name ?? ""}" not found`);
  const text = Object.entries(found?.data ?? {}).map(([key, value]) => [key, Buffer.from(value)] as const);
  const binary = Object.entries(found?.binaryData ?? {}).map(
    ([key, value]) => [key, Buffer.from(value, "base64")] as const,
  );
  return keyedFiles(source, new Map([...text, ...binary]));
}

async function secretFiles(source: KeyedSource, { pod }: VolumeScope, { kube }: VolumeDeps): Promise<ProjectedFiles> {
  const found = await kube.find(Secret, { namespace: pod.metadata.namespace ?? "", name: source.name ?? "" });
  if (found === undefined && source.optional !== true)
    throw new ContainerConfigError(`secret "${source.name ?? ""}" not found`);
  const values = Object.entries(found?.data ?? {}).map(([key, value]) => [key, Buffer.from(value, "base64")] as const);
  return keyedFiles(source, new Map(values));
}

function keyedFiles(source: KeyedSource, values: ReadonlyMap<string, Buffer>): ProjectedFiles {
  const preset = source.defaultMode ?? FILE_MODE;
  const items = source.items ?? [...values.keys()].map((key): KeyToPath => ({ key, path: key }));
  const files = new Map<string, { content: Buffer; mode: number }>();
  for (const { key, path, mode } of items) {
    const content = values.get(key);
    if (content === undefined && source.optional === true) continue;
    if (content === undefined) throw new ContainerConfigError(`references non-existent config key: ${key}`);
    if (!isVolumePath(path)) throw new ContainerConfigError(`path "${path}" leaves the volume`);
    files.set(path, { content, mode: mode ?? preset });
  }
  return files;
}

type DownwardItem = NonNullable<NonNullable<Volume["downwardAPI"]>["items"]>[number];

function downwardFiles(items: readonly DownwardItem[], scope: VolumeScope): ProjectedFiles {
  return new Map(
    items.map(({ path, fieldRef, mode }) => {
      if (!isVolumePath(path)) throw new ContainerConfigError(`path "${path}" leaves the volume`);
      return [path, { content: fieldValue(fieldRef?.fieldPath ?? "", scope), mode: mode ?? FILE_MODE }] as const;
    }),
  );
}

function merge(files: Map<string, { content: Buffer | string; mode: number }>, more: ProjectedFiles): void {
  for (const [path, file] of more) files.set(path, file);
}
