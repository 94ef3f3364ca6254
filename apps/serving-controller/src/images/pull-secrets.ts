import { isRecord } from "@kelvin/api";
import type { Revision } from "@kelvin/api/serving/v1";
import { Secret, ServiceAccount, type KubeClient } from "@kelvin/kube";
import type { RegistryCredential } from "./image-resolver.ts";

const dockerHubNames = new Set(["docker.io", "index.docker.io", "registry-1.docker.io"]);

/** The registry credentials that a Revision's pods would pull with: its own, then those of its ServiceAccount. */
export async function findPullCredentials(kube: KubeClient, revision: Revision): Promise<RegistryCredential[]> {
  const namespace = revision.metadata.namespace ?? "";
  const accountName = revision.spec.serviceAccountName ?? "default";
  const account = await kube.find(ServiceAccount, { namespace, name: accountName });
  const references = [...(revision.spec.imagePullSecrets ?? []), ...(account?.imagePullSecrets ?? [])];
  const names = new Set(references.flatMap(({ name }) => (name === undefined || name === "" ? [] : [name])));
  const secrets = await Promise.all([...names].map((name) => kube.find(Secret, { namespace, name })));
  return secrets.flatMap((secret) => (secret === undefined ? [] : parsePullSecret(secret)));
}

/** The credentials in a `kubernetes.io/dockerconfigjson` or `dockercfg` Secret; one that is broken holds none. */
export function parsePullSecret(secret: Secret): RegistryCredential[] {
  const modern = parseEntry(secret.data?.[".dockerconfigjson"])["auths"];
  const registries = isRecord(modern) ? modern : parseEntry(secret.data?.[".dockercfg"]);
  return Object.entries(registries).flatMap(([registry, entry]) => parseCredential(registry, entry));
}

function parseEntry(base64: string | undefined): Record<string, unknown> {
  if (base64 === undefined) return {};
  try {
    const value: unknown = JSON.parse(Buffer.from(base64, "base64").toString());
    return isRecord(value) ? value : {};
  } catch {
    // Kubernetes checks this type of Secret at creation; what slips through cannot be used by a node either.
    return {};
  }
}

function parseCredential(registryUrl: string, entry: unknown): RegistryCredential[] {
  if (!isRecord(entry)) return [];
  const [user = "", ...rest] = Buffer.from(textOf(entry["auth"]), "base64").toString().split(":");
  const username = textOf(entry["username"]) || user;
  const password = textOf(entry["password"]) || rest.join(":");
  return username === "" ? [] : [{ registry: hostOf(registryUrl), username, password }];
}

function hostOf(registryUrl: string): string {
  const host = registryUrl.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
  return dockerHubNames.has(host) ? "index.docker.io" : host;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
