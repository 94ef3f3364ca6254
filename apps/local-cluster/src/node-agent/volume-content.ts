import { ConfigMap, type KubeClient, type Pod, Secret } from "@kelvin/kube";
import { type ContainerSpec, type EnvSources, fieldValue, resourceValue } from "./container-env.ts";
import { isVolumePath, type ProjectedFiles } from "./projected-files.ts";

export type Volume = NonNullable<NonNullable<Pod["spec"]>["volumes"]>[number];
type ProjectedSource = NonNullable<NonNullable<Volume["projected"]>["sources"]>[number];
type KeyToPath = NonNullable<NonNullable<Volume["configMap"]>["items"]>[number];

/** A volume that cannot be made yet: its container waits, and an event of reason FailedMount says why. */
export class VolumeError extends Error {
  override readonly name = "VolumeError";
}

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

const TOKEN_SECONDS = 3607;
const FILE_MODE = 0o644;

/** What the files of a volume are made of; undefined when it has none of its own. */
export interface Content {
  readonly files: ProjectedFiles;
  /** When a token in it must be written anew. */
  readonly refreshAtMs?: number;
}

/** What a volume that the API fills has in it now. @throws VolumeError when a source is missing or of an unknown kind. */
export async function readVolume(volume: Volume, scope: VolumeScope, deps: VolumeDeps): Promise<Content> {
  const { configMap, secret, projected, downwardAPI } = volume;
  if (configMap !== undefined) return { files: await configMapFiles(configMap, scope, deps) };
  if (secret !== undefined) {
    const { secretName, ...rest } = secret;
    return { files: await secretFiles({ name: secretName, ...rest }, scope, deps) };
  }
  if (downwardAPI !== undefined) return { files: downwardFiles(downwardAPI, scope) };
  if (projected !== undefined) return projectedFiles(projected, scope, deps);
  const kind = Object.keys(volume).find((key) => key !== "name") ?? "none";
  throw new VolumeError(`volume "${volume.name}" is of kind "${kind}", which the local cluster does not have`);
}

async function projectedFiles(
  { sources = [], defaultMode = FILE_MODE }: { sources?: readonly ProjectedSource[]; defaultMode?: number },
  scope: VolumeScope,
  deps: VolumeDeps,
): Promise<Content> {
  const files = new Map<string, { content: Buffer | string; mode: number }>();
  let refreshAtMs: number | undefined;
  for (const { configMap, secret, downwardAPI, serviceAccountToken } of sources) {
    if (configMap !== undefined) merge(files, await configMapFiles({ defaultMode, ...configMap }, scope, deps));
    if (secret !== undefined) merge(files, await secretFiles({ defaultMode, ...secret }, scope, deps));
    if (downwardAPI !== undefined) merge(files, downwardFiles({ defaultMode, ...downwardAPI }, scope));
    if (serviceAccountToken === undefined) continue;
    const { audience, expirationSeconds, path } = serviceAccountToken;
    const minted = await deps.mintToken({
      ...tokenSubject(scope.pod),
      ...(audience !== undefined && { audiences: [audience] }),
      expirationSeconds: expirationSeconds ?? TOKEN_SECONDS,
    });
    files.set(path, { content: minted.token, mode: defaultMode });
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
    throw new VolumeError(`configmap "${source.name ?? ""}" not found`);
  const text = Object.entries(found?.data ?? {}).map(([key, value]) => [key, Buffer.from(value)] as const);
  const binary = Object.entries(found?.binaryData ?? {}).map(
    ([key, value]) => [key, Buffer.from(value, "base64")] as const,
  );
  return keyedFiles(source, new Map([...text, ...binary]));
}

async function secretFiles(source: KeyedSource, { pod }: VolumeScope, { kube }: VolumeDeps): Promise<ProjectedFiles> {
  const found = await kube.find(Secret, { namespace: pod.metadata.namespace ?? "", name: source.name ?? "" });
  if (found === undefined && source.optional !== true) throw new VolumeError(`secret "${source.name ?? ""}" not found`);
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
    if (content === undefined) throw new VolumeError(`references non-existent config key: ${key}`);
    if (!isVolumePath(path)) throw new VolumeError(`path "${path}" leaves the volume`);
    files.set(path, { content, mode: mode ?? preset });
  }
  return files;
}

type DownwardItem = NonNullable<NonNullable<Volume["downwardAPI"]>["items"]>[number];

function downwardFiles(
  { items = [], defaultMode = FILE_MODE }: { items?: readonly DownwardItem[]; defaultMode?: number },
  scope: VolumeScope,
): ProjectedFiles {
  return new Map(
    items.map((item) => {
      const { path, mode } = item;
      if (!isVolumePath(path)) throw new VolumeError(`path "${path}" leaves the volume`);
      return [path, { content: downwardValue(item, scope), mode: mode ?? defaultMode }] as const;
    }),
  );
}

function downwardValue({ fieldRef, resourceFieldRef }: DownwardItem, scope: VolumeScope): string {
  if (resourceFieldRef === undefined) return fieldValue(fieldRef?.fieldPath ?? "", scope);
  const { containerName = "", resource, divisor } = resourceFieldRef;
  const spec = scope.pod.spec;
  const containers: ContainerSpec[] = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  const container = containers.find(({ name }) => name === containerName);
  if (container === undefined) throw new VolumeError(`container ${containerName} not found`);
  return resourceValue({ resource, divisor }, container);
}

function merge(files: Map<string, { content: Buffer | string; mode: number }>, more: ProjectedFiles): void {
  for (const [path, file] of more) files.set(path, file);
}
