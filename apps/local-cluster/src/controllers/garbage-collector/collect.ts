import {
  type Kind,
  keyOf,
  type KubeClient,
  type KubeObject,
  NotFoundError,
  type ObjectKey,
  type OwnerReference,
} from "@kelvin/kube";
import { type EventRecorder, type Outcome, requeueAfter, waitForEvent } from "@kelvin/controller";
import { isBeingDeleted } from "../ownership.ts";
import type { GraphNode, ObjectGraph } from "./object-graph.ts";

const foregroundFinalizer = "foregroundDeletion";
const orphanFinalizer = "orphan";
const incompleteRetryMs = 100;

export interface CollectDeps {
  readonly kube: KubeClient;
  readonly graph: ObjectGraph;
  readonly recorder: EventRecorder;
  readonly findKind: (apiVersion: string, kindName: string) => Kind | undefined;
  /** Judges this object soon. */
  readonly enqueue: (uid: string) => void;
}

/**
 * Does for one object what garbage collection has to do: deletes it when all its owners are gone, drops references to
 * owners that are gone when others live, and carries out foreground and orphaning deletion when it is itself deleted.
 *
 * The graph only suggests. What is deleted or changed is read from the server first, and an owner counts as gone only
 * if the server has no object of that name and uid.
 */
export async function collect(uid: string, deps: CollectDeps): Promise<Outcome> {
  const known = deps.graph.find(uid);
  if (known === undefined) return waitForEvent;
  const object = await deps.kube.find(known.kind, keyOf(known.object));
  if (object === undefined || object.metadata.uid !== uid) return waitForEvent;
  const node = { kind: known.kind, object };
  if (!isBeingDeleted(object)) return judge(node, deps);
  // Whether dependents are left can only be told once all kinds have been listed.
  const holdsBack = hasFinalizer(object, foregroundFinalizer) || hasFinalizer(object, orphanFinalizer);
  if (!holdsBack) return waitForEvent;
  if (!deps.graph.isComplete()) return requeueAfter(incompleteRetryMs);
  await (hasFinalizer(object, orphanFinalizer) ? orphanDependents(node, deps) : deleteInForeground(node, deps));
  return waitForEvent;
}

/** Whether an object waits, itself being deleted, for what it owns to go first. */
export function isDeletingDependents(object: KubeObject): boolean {
  return isBeingDeleted(object) && hasFinalizer(object, foregroundFinalizer);
}

type OwnerState = "solid" | "waiting" | "gone";

async function judge(node: GraphNode, deps: CollectDeps): Promise<Outcome> {
  const references = node.object.metadata.ownerReferences ?? [];
  if (references.length === 0) return waitForEvent;
  const states = await Promise.all(references.map((reference) => ownerState(node, reference, deps)));
  if (states.includes("solid")) {
    const kept = references.filter((_, index) => states[index] === "solid");
    if (kept.length < references.length) await writeReferences(node, kept, deps.kube);
    return waitForEvent;
  }
  const dependents = states.includes("waiting") ? deps.graph.dependentsOf(node.object.metadata.uid ?? "") : [];
  if (dependents.length === 0) {
    await deleteNode(node, policyOf(node.object), deps.kube);
    return waitForEvent;
  }
  // In a circle each would wait for the other: the one that closes it stops blocking its owner.
  const closesCircle = dependents.some(({ object }) => isDeletingDependents(object));
  const unblocking = references.map((reference) => ({ ...reference, blockOwnerDeletion: false }));
  const target = closesCircle ? await writeReferences(node, unblocking, deps.kube) : node;
  await deleteNode(target, "Foreground", deps.kube);
  return waitForEvent;
}

async function ownerState(node: GraphNode, reference: OwnerReference, deps: CollectDeps): Promise<OwnerState> {
  const { namespace } = node.object.metadata;
  const known = deps.graph.find(reference.uid);
  if (known !== undefined && isReachable(node, known)) return stateOf(known.object, reference);
  if (known !== undefined) warnOfPlace(node, reference, deps);
  const kind = deps.findKind(reference.apiVersion, reference.kind);
  // A kind that is not served now may be served again: nothing is deleted on a guess.
  if (kind === undefined) return "solid";
  // A cluster-scoped object cannot name an owner within a namespace; such a reference is left to whoever wrote it.
  if (kind.namespaced && namespace === undefined) return "solid";
  const key: ObjectKey =
    kind.namespaced && namespace !== undefined ? { namespace, name: reference.name } : { name: reference.name };
  const owner = await deps.kube.find(kind, key);
  if (owner === undefined || owner.metadata.uid !== reference.uid) return "gone";
  return stateOf(owner, reference);
}

/** The owner exists, but where it cannot own this object: it counts as gone, and its author should know. */
function warnOfPlace({ object }: GraphNode, reference: OwnerReference, { recorder }: CollectDeps): void {
  const { apiVersion, kind, name, uid } = reference;
  const { namespace = "" } = object.metadata;
  const text = `[${apiVersion}/${kind}, namespace: ${namespace}, name: ${name}, uid: ${uid}]`;
  recorder.warning(
    object,
    "OwnerRefInvalidNamespace",
    `ownerRef ${text} does not exist in namespace ${JSON.stringify(namespace)}`,
  );
}

/** An owner within a namespace owns only there. */
function isReachable(node: GraphNode, owner: GraphNode): boolean {
  return !owner.kind.namespaced || owner.object.metadata.namespace === node.object.metadata.namespace;
}

function stateOf(owner: KubeObject, { blockOwnerDeletion }: OwnerReference): OwnerState {
  return isDeletingDependents(owner) && blockOwnerDeletion === true ? "waiting" : "solid";
}

async function deleteInForeground(node: GraphNode, deps: CollectDeps): Promise<void> {
  const uid = node.object.metadata.uid ?? "";
  const blocking = deps.graph.dependentsOf(uid).filter(({ object }) => blocks(object, uid));
  for (const { object } of blocking) if (!isDeletingDependents(object)) deps.enqueue(object.metadata.uid ?? "");
  if (blocking.length === 0) await removeFinalizer(node, foregroundFinalizer, deps.kube);
}

function blocks(dependent: KubeObject, ownerUid: string): boolean {
  return (dependent.metadata.ownerReferences ?? []).some(
    ({ uid, blockOwnerDeletion }) => uid === ownerUid && blockOwnerDeletion === true,
  );
}

async function orphanDependents(node: GraphNode, { graph, kube }: CollectDeps): Promise<void> {
  const uid = node.object.metadata.uid ?? "";
  await Promise.all(
    graph.dependentsOf(uid).map((dependent) => {
      const references = dependent.object.metadata.ownerReferences ?? [];
      return writeReferences(
        dependent,
        references.filter((reference) => reference.uid !== uid),
        kube,
      );
    }),
  );
  await removeFinalizer(node, orphanFinalizer, kube);
}

async function removeFinalizer(node: GraphNode, finalizer: string, kube: KubeClient): Promise<void> {
  const finalizers = (node.object.metadata.finalizers ?? []).filter((name) => name !== finalizer);
  await patchMetadata(node, { finalizers: finalizers.length === 0 ? null : finalizers }, kube);
}

async function writeReferences(
  node: GraphNode,
  references: readonly OwnerReference[],
  kube: KubeClient,
): Promise<GraphNode> {
  return patchMetadata(node, { ownerReferences: references.length === 0 ? null : references }, kube);
}

/** Onto exactly the version that was judged; a newer one is a Conflict, and judged again. */
async function patchMetadata({ kind, object }: GraphNode, change: object, kube: KubeClient): Promise<GraphNode> {
  const { uid, resourceVersion } = object.metadata;
  const body = { metadata: { uid, resourceVersion, ...change } };
  try {
    return { kind, object: await kube.patch(kind, keyOf(object), { type: "merge", body }) };
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    return { kind, object };
  }
}

type Policy = "Background" | "Foreground" | "Orphan";

function policyOf(object: KubeObject): Policy {
  if (hasFinalizer(object, orphanFinalizer)) return "Orphan";
  return hasFinalizer(object, foregroundFinalizer) ? "Foreground" : "Background";
}

async function deleteNode({ kind, object }: GraphNode, propagationPolicy: Policy, kube: KubeClient): Promise<void> {
  const { uid, resourceVersion } = object.metadata;
  const preconditions = {
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
  };
  await kube.delete(kind, keyOf(object), { propagationPolicy, preconditions });
}

function hasFinalizer(object: KubeObject, finalizer: string): boolean {
  return object.metadata.finalizers?.includes(finalizer) ?? false;
}
