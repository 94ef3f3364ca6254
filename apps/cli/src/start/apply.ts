import { ForbiddenError, InvalidError, type Kind, type KubeClient, NotFoundError, toError } from "@kelvin/kube";
import { describeManifest, type Fields, isFields, type Manifest } from "../kustomize/manifest.ts";
import { StartError } from "../usage-error.ts";
import { kindsOf } from "./kinds.ts";

/** The annotation in which kubectl, too, keeps what it applied: either may go on where the other left off. */
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";
/** Before this one others cannot be stored; after these, others would be refused until their webhook answers. */
const firstKinds = ["CustomResourceDefinition", "Namespace"];
const lastKinds = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];
/** Kinds of no consequence on one node; a local cluster without them is told nothing. */
const optionalKinds = ["HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy"];
const RETRY_DELAY_MS = 100;

/** Brings objects to what manifests say. What was applied before and has not changed is not written at all. */
export async function applyManifests(
  kube: KubeClient,
  manifests: readonly Manifest[],
  signal: AbortSignal,
): Promise<{ written: number; kept: number }> {
  const kinds = kindsOf(manifests);
  let written = 0;
  for (const group of inOrder(manifests)) {
    const results = await Promise.all(
      group.map((manifest) => applyPatiently(kube, { manifest, kind: kinds(manifest) }, signal)),
    );
    written += results.filter(Boolean).length;
  }
  return { written, kept: manifests.length - written };
}

/** Groups whose members may be applied side by side. */
function inOrder(manifests: readonly Manifest[]): Manifest[][] {
  const of = (kind: string): Manifest[] => manifests.filter((manifest) => manifest.kind === kind);
  const special = [...firstKinds, ...lastKinds];
  const others = manifests.filter(({ kind }) => !special.includes(kind));
  const configuration = others.filter(({ kind }) => kind !== "Deployment");
  const workloads = others.filter(({ kind }) => kind === "Deployment");
  return [...firstKinds.map(of), configuration, workloads, lastKinds.flatMap(of)].filter((group) => group.length > 0);
}

interface Task {
  manifest: Manifest;
  kind: Kind;
}

/** A webhook may be down until its Pod runs, and a new kind takes a moment to be served; a refusal for a reason is final. */
async function applyPatiently(kube: KubeClient, task: Task, signal: AbortSignal): Promise<boolean> {
  for (;;) {
    try {
      return await apply(kube, task, signal);
    } catch (error) {
      if (error instanceof NotFoundError && optionalKinds.includes(task.manifest.kind)) return false;
      const isFinal = error instanceof InvalidError || error instanceof ForbiddenError;
      if (isFinal || signal.aborted) {
        throw new StartError(`cannot apply ${describeManifest(task.manifest)}: ${toError(error).message}`, {
          cause: error,
        });
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS));
    }
  }
}

async function apply(kube: KubeClient, { manifest, kind }: Task, signal: AbortSignal): Promise<boolean> {
  const { name, namespace } = manifest.metadata;
  const key = { name, ...(kind.namespaced && { namespace: namespace ?? "default" }) };
  const text = JSON.stringify(manifest);
  const annotations = { ...manifest.metadata.annotations, [lastApplied]: text };
  const desired = { ...manifest, metadata: { ...manifest.metadata, annotations } };
  const found = await kube.find(kind, key, { signal });
  if (found === undefined) {
    await kube.create(kind, desired, { signal });
    return true;
  }
  const before = found.metadata.annotations?.[lastApplied];
  if (before === text) return false;
  const body = mergeRemovals(desired, removals(parseApplied(before), manifest));
  await kube.patch(kind, key, { type: "merge", body }, { signal });
  return true;
}

function parseApplied(text: string | undefined): Fields {
  try {
    const fields: unknown = JSON.parse(text ?? "{}");
    return isFields(fields) ? fields : {};
  } catch {
    // Somebody wrote nonsense there: then nothing is known to have been ours.
    return {};
  }
}

/** A merge patch that removes what was applied before and is not wanted any more. */
export function removals(before: Fields, desired: Fields): Fields {
  const patch: Fields = {};
  for (const [name, old] of Object.entries(before)) {
    const wanted = desired[name];
    if (!Object.hasOwn(desired, name)) patch[name] = null;
    else if (isFields(old) && isFields(wanted)) {
      const inner = removals(old, wanted);
      if (Object.keys(inner).length > 0) patch[name] = inner;
    }
  }
  return patch;
}

function mergeRemovals(desired: Fields, removed: Fields): Fields {
  const merged: Fields = { ...desired };
  for (const [name, value] of Object.entries(removed)) {
    const wanted = merged[name];
    merged[name] = isFields(value) && isFields(wanted) ? mergeRemovals(wanted, value) : value;
  }
  return merged;
}
