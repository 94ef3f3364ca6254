import {
  type Change,
  type Informer,
  keyOf,
  type Kind,
  type KubeClient,
  type KubeObject,
  openInformer,
} from "@kelvin/kube";
import type { KindDirectory } from "../kind-directory.ts";

/** One object, with no more than its metadata. */
export interface GraphNode {
  readonly kind: Kind;
  readonly object: KubeObject;
}

/** Who owns whom, over all kinds that are served, kept by watches. Only metadata is held. */
export interface ObjectGraph {
  find(uid: string): GraphNode | undefined;
  /** Objects whose owner references name this uid. */
  dependentsOf(uid: string): GraphNode[];
  all(): GraphNode[];
  /** Whether every kind that is known has been listed. Until then an absent dependent proves nothing. */
  isComplete(): boolean;
  onChange(listener: (change: Change<GraphNode>) => void): () => void;
  close(): Promise<void>;
}

const byOwner = "owner";

/** Events own nothing and are owned by nothing, and there are many. */
const ignored = new Set(["/events", "events.k8s.io/events"]);

export function openObjectGraph(kube: KubeClient, directory: KindDirectory): ObjectGraph {
  const informers = new Map<string, Informer<KubeObject>>();
  const pending = new Set<Informer<KubeObject>>();
  const closing = new Set<Promise<void>>();
  const nodes = new Map<string, GraphNode>();
  const listeners = new Set<(change: Change<GraphNode>) => void>();
  let isDirectorySynced = false;

  const tell = (change: Change<GraphNode>): void => {
    for (const listener of listeners) listener(change);
  };

  function note(kind: Kind, { before, after }: Change<KubeObject>): void {
    if (before !== undefined && before.metadata.uid !== after?.metadata.uid) nodes.delete(before.metadata.uid ?? "");
    if (after !== undefined) nodes.set(after.metadata.uid ?? "", { kind, object: after });
    tell({ before: before && { kind, object: before }, after: after && { kind, object: after } });
  }

  function follow(kind: Kind): void {
    const informer = openInformer(kube, kind, { transform: metadataOnly, indexes: { [byOwner]: ownerUids } });
    pending.add(informer);
    informers.set(nameOf(kind), informer);
    informer.onChange((change) => note(kind, change));
    track(informer.synced.then(() => void pending.delete(informer)));
  }

  function unfollow(name: string, informer: Informer<KubeObject>): void {
    informers.delete(name);
    pending.delete(informer);
    track(informer.close());
    for (const object of informer.list()) note(informer.kind, { before: object, after: undefined });
  }

  function track(ending: Promise<void>): void {
    const settled = ending.finally(() => closing.delete(settled));
    closing.add(settled);
  }

  /** One informer for each kind that is served, and none for those that are no more. */
  function adjust(): void {
    const wanted = new Map(directory.all().map((kind) => [nameOf(kind), kind]));
    for (const [name, informer] of informers) {
      const kind = wanted.get(name);
      if (kind?.version !== informer.kind.version) unfollow(name, informer);
    }
    for (const [name, kind] of wanted) if (!informers.has(name) && !ignored.has(name)) follow(kind);
  }

  const unsubscribe = directory.onChange(adjust);
  adjust();
  track(directory.synced.then(() => void (isDirectorySynced = true)));

  return {
    find: (uid) => nodes.get(uid),
    dependentsOf: (uid) =>
      [...informers.values()].flatMap((informer) =>
        informer.byIndex(byOwner, uid).map((object) => ({ kind: informer.kind, object })),
      ),
    all: () => [...nodes.values()],
    isComplete: () => isDirectorySynced && pending.size === 0,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      unsubscribe();
      await Promise.all([...informers.values()].map((informer) => informer.close()));
    },
  };
}

function nameOf({ group, plural }: Kind): string {
  return `${group}/${plural}`;
}

function ownerUids({ metadata }: KubeObject): readonly string[] {
  return (metadata.ownerReferences ?? []).map(({ uid }) => uid);
}

function metadataOnly({ metadata }: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, deletionTimestamp, finalizers, ownerReferences } = metadata;
  return {
    metadata: Object.fromEntries(
      Object.entries({ name, namespace, uid, resourceVersion, deletionTimestamp, finalizers, ownerReferences }).filter(
        ([, value]) => value !== undefined,
      ),
    ),
  };
}

/** The text by which a node is named in logs and errors. */
export function describeNode({ kind, object }: GraphNode): string {
  const { namespace, name } = keyOf(object);
  return `${kind.kind} ${namespace === undefined ? name : `${namespace}/${name}`}`;
}
