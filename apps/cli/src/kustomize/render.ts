import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { setImages } from "./images.ts";
import { type Kustomization, type PatchRule, readKustomization } from "./kustomization.ts";
import { addLabels } from "./labels.ts";
import {
  describeManifest,
  type Fields,
  isFields,
  isNamespacedKind,
  KustomizeError,
  type Manifest,
  parseManifest,
} from "./manifest.ts";
import { applyJsonPatch, type JsonPatchOperation } from "./json-patch.ts";
import { mergeStrategically } from "./strategic-merge.ts";
import { matchesTarget } from "./target.ts";

const DEPTH_MAX = 20;

/**
 * The objects a kustomization stands for, as `kubectl kustomize` renders them (order aside), for the fields this subset
 * knows. @throws KustomizeError for anything else, naming the file.
 */
export function renderKustomization(directory: string): Manifest[] {
  return render(directory, 0);
}

/** `given` is what a component is added to: it patches and labels that, too. */
function render(directory: string, depth: number, given: readonly Manifest[] = []): Manifest[] {
  if (depth > DEPTH_MAX)
    throw new KustomizeError(`${directory}: more than ${DEPTH_MAX} kustomizations within each other; a cycle?`);
  const kustomization = readKustomization(directory);
  const read = kustomization.resources.flatMap((resource) => readResource(join(directory, resource), depth));
  let manifests = [...given, ...read];
  refuseTwins(manifests, kustomization.file);
  for (const component of kustomization.components) {
    manifests = render(join(directory, component), depth + 1, manifests);
  }
  for (const patch of kustomization.patches) manifests = applyPatch(manifests, patch, directory);
  for (const manifest of manifests) applyTransforms(manifest, kustomization);
  return manifests;
}

function readResource(path: string, depth: number): Manifest[] {
  if (!existsSync(path)) throw new KustomizeError(`${path} does not exist`);
  return statSync(path).isDirectory() ? render(path, depth + 1) : readManifests(path);
}

/** All objects of a YAML file; empty documents are skipped. */
export function readManifests(file: string): Manifest[] {
  return parseDocuments(readFileSync(file, "utf8"), file).map((document) => parseManifest(document, file));
}

function parseDocuments(text: string, origin: string): unknown[] {
  return parseAllDocuments(text).flatMap((document): unknown[] => {
    const [error] = document.errors;
    if (error !== undefined) throw new KustomizeError(`${origin}: ${error.message}`);
    const value: unknown = document.toJS();
    return value === null ? [] : [value];
  });
}

function refuseTwins(manifests: readonly Manifest[], file: string): void {
  const seen = new Set<string>();
  for (const manifest of manifests) {
    const name = `${manifest.apiVersion} ${describeManifest(manifest)}`;
    if (seen.has(name)) throw new KustomizeError(`${file}: ${name} comes twice`);
    seen.add(name);
  }
}

function applyTransforms(manifest: Manifest, kustomization: Kustomization): void {
  const { namespace } = kustomization;
  if (namespace !== undefined && isNamespacedKind(manifest.kind)) manifest.metadata.namespace = namespace;
  for (const rule of kustomization.labels) addLabels(manifest, rule);
  const { annotations } = manifest.metadata;
  if (annotations !== undefined && Object.keys(annotations).length === 0) delete manifest.metadata.annotations;
  setImages(manifest, kustomization.images);
  for (const { name, count } of kustomization.replicas) {
    const hasReplicas = ["Deployment", "StatefulSet", "ReplicaSet"].includes(manifest.kind);
    if (hasReplicas && manifest.metadata.name === name && isFields(manifest.spec)) manifest.spec.replicas = count;
  }
}

function applyPatch(manifests: readonly Manifest[], rule: PatchRule, directory: string): Manifest[] {
  const origin = rule.path === undefined ? join(directory, "kustomization.yaml") : join(directory, rule.path);
  const text = rule.patch ?? readFileSync(origin, "utf8");
  const documents = parseDocuments(text, origin);
  return documents.some(Array.isArray)
    ? patchJson(manifests, rule, { operations: documents.flat() as JsonPatchOperation[], origin })
    : documents.reduce<Manifest[]>((all, document) => patchStrategic(all, rule, { document, origin }), [...manifests]);
}

function patchJson(
  manifests: readonly Manifest[],
  { target }: PatchRule,
  { operations, origin }: { operations: readonly JsonPatchOperation[]; origin: string },
): Manifest[] {
  if (target === undefined) throw new KustomizeError(`${origin}: a JSON patch needs a target`);
  return manifests.map((manifest) => {
    if (!matchesTarget(manifest, target)) return manifest;
    try {
      return parseManifest(applyJsonPatch(manifest, operations), origin);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new KustomizeError(`${origin}: on ${describeManifest(manifest)}: ${reason}`, { cause: error });
    }
  });
}

function patchStrategic(
  manifests: readonly Manifest[],
  { target }: PatchRule,
  { document, origin }: { document: unknown; origin: string },
): Manifest[] {
  if (!isFields(document)) throw new KustomizeError(`${origin}: a patch is neither a mapping nor a list of operations`);
  const own = target ?? ownTarget(parseManifest(document, origin));
  const patched = manifests.filter((manifest) => matchesTarget(manifest, own));
  if (patched.length === 0 && target === undefined) {
    throw new KustomizeError(`${origin}: there is no ${describeManifest(parseManifest(document, origin))} to patch`);
  }
  return manifests.flatMap((manifest): Manifest[] => {
    if (!patched.includes(manifest)) return [manifest];
    if (document.$patch === "delete") return [];
    return [parseManifest(mergeStrategically(manifest, withoutIdentity(document, manifest)), origin)];
  });
}

function ownTarget({ apiVersion, kind, metadata }: Manifest): NonNullable<PatchRule["target"]> {
  const slash = apiVersion.indexOf("/");
  const { name, namespace } = metadata;
  return {
    group: slash < 0 ? "" : escapeRegExp(apiVersion.slice(0, slash)),
    version: apiVersion.slice(slash + 1),
    kind,
    name: escapeRegExp(name),
    ...(namespace !== undefined && { namespace }),
  };
}

function escapeRegExp(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}

/** A patch names its target by kind and name; it must not rename what it matched. */
function withoutIdentity(patch: Fields, { apiVersion, kind, metadata }: Manifest): Fields {
  const own = isFields(patch.metadata) ? patch.metadata : {};
  const namespace = metadata.namespace === undefined ? {} : { namespace: metadata.namespace };
  return { ...patch, apiVersion, kind, metadata: { ...own, name: metadata.name, ...namespace } };
}
