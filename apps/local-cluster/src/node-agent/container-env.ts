import { availableParallelism, totalmem } from "node:os";
import { parseQuantity } from "../controllers/scheduler/quantity.ts";
import type { ConfigMap, Pod, Secret } from "@kelvin/kube";

export type ContainerSpec = NonNullable<Pod["spec"]>["containers"][number];
type EnvVar = NonNullable<ContainerSpec["env"]>[number];
type EnvFrom = NonNullable<ContainerSpec["envFrom"]>[number];

/** A Pod whose configuration cannot be made into a process; shown as CreateContainerConfigError. */
export class ContainerConfigError extends Error {
  override readonly name = "ContainerConfigError";
}

/** Everything that environment variables of a container may refer to. */
export interface EnvSources {
  readonly pod: Pod;
  readonly podIp: string;
  readonly hostIp: string;
  readonly configMaps: ReadonlyMap<string, ConfigMap | undefined>;
  readonly secrets: ReadonlyMap<string, Secret | undefined>;
  /** What every container has; the container's own variables win. */
  readonly base: Readonly<Record<string, string>>;
}

/** Names of ConfigMaps and Secrets that a container's environment refers to. */
export function envReferences(container: ContainerSpec): { configMaps: string[]; secrets: string[] } {
  const env = (container.env ?? []).map(({ valueFrom }) => valueFrom);
  const from = container.envFrom ?? [];
  const names = (all: (string | undefined)[]): string[] => [...new Set(all.filter((name) => name !== undefined))];
  return {
    configMaps: names([
      ...env.map((source) => source?.configMapKeyRef?.name),
      ...from.map(({ configMapRef }) => configMapRef?.name),
    ]),
    secrets: names([
      ...env.map((source) => source?.secretKeyRef?.name),
      ...from.map(({ secretRef }) => secretRef?.name),
    ]),
  };
}

/**
 * The environment of one container: base, then envFrom, then env in order, each able to refer to those before it.
 * @throws ContainerConfigError when a ConfigMap, a Secret or a key is missing and not optional.
 */
export function makeContainerEnv(container: ContainerSpec, sources: EnvSources): Record<string, string> {
  const env = new Map<string, string>(Object.entries(sources.base));
  for (const from of container.envFrom ?? [])
    for (const [name, value] of importedEnv(from, sources)) env.set(name, value);
  for (const variable of container.env ?? []) {
    const value = valueOf(variable, { sources, container, env });
    if (value !== undefined) env.set(variable.name, value);
  }
  return Object.fromEntries(env);
}

function importedEnv(from: EnvFrom, sources: EnvSources): [string, string][] {
  const values = importedValues(from, sources);
  // A key that cannot be a variable's name is left out, as the kubelet does.
  return Object.entries(values)
    .map(([key, value]): [string, string] => [`${from.prefix ?? ""}${key}`, value])
    .filter(([name]) => /^[-._a-zA-Z][-._a-zA-Z0-9]*$/.test(name));
}

function importedValues({ configMapRef, secretRef }: EnvFrom, sources: EnvSources): Record<string, string> {
  if (configMapRef !== undefined) {
    const configMap = sources.configMaps.get(configMapRef.name ?? "");
    return dataOf("configmap", configMapRef, configMap?.data ?? (configMap && {}));
  }
  if (secretRef === undefined) return {};
  const secret = sources.secrets.get(secretRef.name ?? "");
  const encoded = dataOf("secret", secretRef, secret?.data ?? (secret && {}));
  return Object.fromEntries(Object.entries(encoded).map(([key, value]) => [key, decode(value)]));
}

function dataOf(
  kind: string,
  { name, optional }: { name?: string; optional?: boolean },
  data: Record<string, string> | undefined,
): Record<string, string> {
  if (data === undefined && optional !== true) throw missing(kind, name);
  return data ?? {};
}

interface EnvScope {
  sources: EnvSources;
  container: ContainerSpec;
  env: ReadonlyMap<string, string>;
}

function valueOf({ name, value, valueFrom }: EnvVar, { sources, container, env }: EnvScope): string | undefined {
  if (valueFrom === undefined) return expandVariables(value ?? "", env);
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef } = valueFrom;
  if (fieldRef !== undefined) return fieldValue(fieldRef.fieldPath, sources);
  if (resourceFieldRef !== undefined) return resourceValue(resourceFieldRef, container);
  if (configMapKeyRef !== undefined) {
    const { name: source, key, optional } = configMapKeyRef;
    return keyOf("ConfigMap", { name: source, key, optional, found: sources.configMaps.get(source ?? "")?.data });
  }
  if (secretKeyRef !== undefined) {
    const { name: source, key, optional } = secretKeyRef;
    const encoded = keyOf("Secret", { name: source, key, optional, found: sources.secrets.get(source ?? "")?.data });
    return encoded === undefined ? undefined : decode(encoded);
  }
  throw new ContainerConfigError(`environment variable "${name}" has a valueFrom without a known source`);
}

interface KeyReference {
  name: string | undefined;
  key: string;
  optional: boolean | undefined;
  found: Record<string, string> | undefined;
}

function keyOf(kind: "ConfigMap" | "Secret", { name, key, optional, found }: KeyReference): string | undefined {
  const value = found?.[key];
  if (value !== undefined || optional === true) return value;
  if (found === undefined) throw missing(kind.toLowerCase(), name);
  throw new ContainerConfigError(`couldn't find key ${key} in ${kind} ${name ?? ""}`);
}

function missing(kind: string, name: string | undefined): ContainerConfigError {
  return new ContainerConfigError(`${kind} "${name ?? ""}" not found`);
}

/** The value of a downward API field. @throws ContainerConfigError for a path that is not served. */
export function fieldValue(path: string, { pod, podIp, hostIp }: Pick<EnvSources, "pod" | "podIp" | "hostIp">): string {
  const indexed = /^metadata\.(labels|annotations)\['([^']*)'\]$/.exec(path);
  if (indexed !== null) return pod.metadata[indexed[1] as "labels" | "annotations"]?.[indexed[2] ?? ""] ?? "";
  const fields: Record<string, string | undefined> = {
    "metadata.name": pod.metadata.name,
    "metadata.namespace": pod.metadata.namespace,
    "metadata.uid": pod.metadata.uid,
    "metadata.labels": formatMap(pod.metadata.labels),
    "metadata.annotations": formatMap(pod.metadata.annotations),
    "spec.nodeName": pod.spec?.nodeName,
    "spec.serviceAccountName": pod.spec?.serviceAccountName,
    "status.podIP": podIp,
    "status.podIPs": podIp,
    "status.hostIP": hostIp,
    "status.hostIPs": hostIp,
  };
  if (!Object.hasOwn(fields, path)) throw new ContainerConfigError(`unsupported fieldPath: ${path}`);
  return fields[path] ?? "";
}

function formatMap(map: Record<string, string> | undefined): string {
  return Object.entries(map ?? {})
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join("\n");
}

/**
 * A limit or request in units of the divisor, rounded up: cores and bytes without one. What is not limited is limited by the
 * machine; what is not requested is 0.
 */
export function resourceValue(
  { resource, divisor }: { resource: string; divisor?: string | undefined },
  { resources }: Pick<ContainerSpec, "resources">,
): string {
  const [kind, name = ""] = resource.split(/\.(.*)/s);
  const amounts = kind === "limits" ? resources?.limits : resources?.requests;
  const amount = amounts?.[name] ?? (kind === "limits" ? machineAmount(name) : "0");
  const unit = divisor === undefined || divisor === "" || divisor === "0" ? 1 : parseQuantity(divisor);
  return String(Math.ceil(parseQuantity(amount) / unit));
}

function machineAmount(name: string): string {
  if (name === "cpu") return String(availableParallelism());
  return name === "memory" ? String(totalmem()) : "0";
}

/** Replaces `$(NAME)` by the variable's value; an unknown name stays as written and `$$` is a plain dollar sign. */
export function expandVariables(text: string, env: ReadonlyMap<string, string>): string {
  return text.replaceAll(/\$\$|\$\(([^()]*)\)/g, (match, name: string | undefined) =>
    name === undefined ? "$" : (env.get(name) ?? match),
  );
}

function decode(base64: string): string {
  return Buffer.from(base64, "base64").toString("utf8");
}
