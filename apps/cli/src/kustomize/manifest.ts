/** One Kubernetes object as it was written; only what every object has is known. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  [field: string]: unknown;
}

/** A mapping of a YAML document. */
export type Fields = Record<string, unknown>;

/** A kustomization, or a file it names, that cannot be rendered. The message names the file. */
export class KustomizeError extends Error {
  override readonly name = "KustomizeError";
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Checks that a document is an object of Kubernetes. @throws KustomizeError naming `origin`. */
export function parseManifest(document: unknown, origin: string): Manifest {
  if (!isFields(document)) throw new KustomizeError(`${origin}: a document is not a mapping`);
  const { apiVersion, kind, metadata } = document;
  if (typeof apiVersion !== "string" || typeof kind !== "string") {
    throw new KustomizeError(`${origin}: a document has no apiVersion or no kind`);
  }
  if (!isFields(metadata) || typeof metadata.name !== "string") {
    throw new KustomizeError(`${origin}: ${kind} has no metadata.name`);
  }
  return document as Manifest;
}

/** Names an object in messages. */
export function describeManifest({ kind, metadata }: Manifest): string {
  return `${kind} ${metadata.namespace === undefined ? "" : `${metadata.namespace}/`}${metadata.name}`;
}

const clusterScopedKinds = new Set([
  "ClusterRole",
  "ClusterRoleBinding",
  "CustomResourceDefinition",
  "MutatingWebhookConfiguration",
  "Namespace",
  "Node",
  "PersistentVolume",
  "PriorityClass",
  "StorageClass",
  "ValidatingWebhookConfiguration",
]);

/** Whether objects of this kind live in a namespace; kinds of CRDs in a kustomization are taken to. */
export function isNamespacedKind(kind: string): boolean {
  return !clusterScopedKinds.has(kind);
}
