import { keyOf, type Kind, type KubeClient, type KubeObject, Namespace, NotFoundError, toError } from "@kelvin/kube";
import { type Outcome, requeueAfter, waitForEvent } from "@kelvin/controller";
import { findCondition, replaceCondition, type StatusCondition, timestamp } from "../conditions.ts";
import { isBeingDeleted } from "../ownership.ts";

/** What a new cluster has. */
export const initialNamespaces = ["default", "kube-system", "kube-public", "kube-node-lease"];
const finalizer = "kubernetes";
/** Content that goes by its own grace wakes the namespace; this is for what nobody watches. */
const checkAgainMs = 1_000;
const deletesAtOnce = 50;

export interface NamespaceDeps {
  readonly kube: KubeClient;
  readonly clock: { now(): Date };
  /** All kinds that are served now. */
  readonly kinds: () => readonly Kind[];
}

/** What is left in a namespace: how many objects of each kind, how many wait for each finalizer, and what went wrong. */
interface Remains {
  readonly kinds: Map<string, number>;
  readonly finalizers: Map<string, number>;
  readonly failures: string[];
}

/**
 * Empties a namespace that is being deleted, of every kind that is served, and lets it go when nothing is left.
 * Each pass lists afresh, so what was created in between is found, and a crash costs nothing but a repeated list.
 */
export async function reconcileNamespace(namespace: Namespace, deps: NamespaceDeps): Promise<Outcome> {
  if (!isBeingDeleted(namespace)) return waitForEvent;
  const name = namespace.metadata.name ?? "";
  const remains: Remains = { kinds: new Map(), finalizers: new Map(), failures: [] };
  for (const kind of deps.kinds()) if (kind.namespaced) await emptyOf(kind, name, { remains, kube: deps.kube });

  if (remains.kinds.size === 0 && remains.failures.length === 0) {
    await finalize(namespace, deps.kube);
    return waitForEvent;
  }
  const conditions = decideConditions(namespace.status?.conditions ?? [], remains, deps.clock.now());
  namespace.status = { ...namespace.status, phase: "Terminating", conditions: [...conditions] };
  return requeueAfter(checkAgainMs);
}

async function emptyOf(
  kind: Kind,
  namespace: string,
  { remains, kube }: { remains: Remains; kube: KubeClient },
): Promise<void> {
  const resource = kind.group === "" ? kind.plural : `${kind.plural}.${kind.group}`;
  try {
    const { items } = await kube.list(kind, { namespace });
    for (let start = 0; start < items.length; start += deletesAtOnce) {
      const batch = items.slice(start, start + deletesAtOnce).filter((object) => !isBeingDeleted(object));
      await Promise.all(batch.map((object) => deleteObject(kube, kind, object)));
    }
    const left = items.length === 0 ? [] : (await kube.list(kind, { namespace })).items;
    if (left.length > 0) remains.kinds.set(resource, left.length);
    for (const finalizerName of left.flatMap(({ metadata }) => metadata.finalizers ?? [])) {
      remains.finalizers.set(finalizerName, (remains.finalizers.get(finalizerName) ?? 0) + 1);
    }
  } catch (error) {
    // The kind has gone since it was named, and its objects with it.
    if (error instanceof NotFoundError) return;
    remains.failures.push(`${resource}: ${toError(error).message}`);
  }
}

async function deleteObject(kube: KubeClient, kind: Kind, object: KubeObject): Promise<void> {
  const { uid } = object.metadata;
  await kube.delete(kind, keyOf(object), {
    propagationPolicy: "Background",
    ...(uid !== undefined && { preconditions: { uid } }),
  });
}

/** Upstream keeps the finalizer in the spec, where it was before metadata had finalizers; both places are cleared. */
async function finalize(namespace: Namespace, kube: KubeClient): Promise<void> {
  const keep = (finalizers: readonly string[] = []): string[] => finalizers.filter((name) => name !== finalizer);
  const { metadata, spec } = namespace;
  const next: Namespace = {
    ...namespace,
    metadata: { ...metadata, finalizers: keep(metadata.finalizers) },
    spec: { ...spec, finalizers: keep(spec?.finalizers) },
  };
  try {
    await kube.update(Namespace, next);
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
  }
}

function decideConditions(
  conditions: readonly StatusCondition[],
  { kinds, finalizers, failures }: Remains,
  now: Date,
): readonly StatusCondition[] {
  const listed = (counts: ReadonlyMap<string, number>, each: (name: string, count: number) => string): string =>
    [...counts].map(([name, count]) => each(name, count)).join(", ");
  const content = listed(kinds, (name, count) => `${name} has ${count} resource instances`);
  const waiting = listed(finalizers, (name, count) => `${name} in ${count} resource instances`);
  // The first two are about what could not even be asked for; here all kinds are known to this very process.
  const rows: [type: string, isTrue: boolean, reasons: [string, string], messages: [string, string]][] = [
    [
      "NamespaceDeletionDiscoveryFailure",
      false,
      ["DiscoveryFailed", "ResourcesDiscovered"],
      ["", "All resources successfully discovered"],
    ],
    [
      "NamespaceDeletionGroupVersionParsingFailure",
      false,
      ["GroupVersionParsingFailed", "ParsedGroupVersions"],
      ["", "All legacy kube types successfully parsed"],
    ],
    [
      "NamespaceDeletionContentFailure",
      failures.length > 0,
      ["ContentDeletionFailed", "ContentDeleted"],
      [
        `Failed to delete all resource types, ${failures.length} remaining: ${failures.join("; ")}`,
        "All content successfully deleted, may be waiting on finalization",
      ],
    ],
    [
      "NamespaceContentRemaining",
      kinds.size > 0,
      ["SomeResourcesRemain", "ContentRemoved"],
      [`Some resources are remaining: ${content}`, "All content successfully removed"],
    ],
    [
      "NamespaceFinalizersRemaining",
      finalizers.size > 0,
      ["SomeFinalizersRemain", "ContentHasNoFinalizers"],
      [
        `Some content in the namespace has finalizers remaining: ${waiting}`,
        "All content-preserving finalizers finished",
      ],
    ],
  ];
  const lastTransitionTime = timestamp(now);
  return rows.reduce((list, [type, isTrue, reasons, messages]) => {
    const [status, reason, message] = [isTrue ? "True" : "False", reasons[isTrue ? 0 : 1], messages[isTrue ? 0 : 1]];
    const known = findCondition(list, type);
    // What is left changes while the reason stays: people read it here to learn whom they wait for.
    if (known?.status === status && known.message === message) return list;
    return replaceCondition(list, { type, status, reason, message, lastTransitionTime });
  }, conditions);
}
