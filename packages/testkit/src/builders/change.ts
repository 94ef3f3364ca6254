import { apiVersionOf } from "@kelvin/kube";
import type { Kind, KubeObject } from "@kelvin/kube";

/** Makes an object under construction different: the options of builders. */
export type Change<T extends KubeObject = KubeObject> = (object: T) => void;

/** Applies the changes and gives the object. */
export function changed<T extends KubeObject>(object: T, changes: readonly Change<T>[]): T {
  for (const change of changes) change(object);
  return object;
}

/** What every built object has: its type, its name, the namespace `default`, and a uid that tests can predict. */
export function baseOf(kind: Kind, name: string): Required<Pick<KubeObject, "apiVersion" | "kind" | "metadata">> {
  const scope = kind.namespaced ? { namespace: "default" } : {};
  const metadata = { name, ...scope, uid: uidOf(kind.kind, name), generation: 1 };
  return { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata };
}

/** The uid that builders give. */
export function uidOf(kind: string, name: string): string {
  return `uid-${kind.toLowerCase()}-${name}`;
}

/** Puts it into another namespace. */
export function inNamespace(namespace: string): Change {
  return ({ metadata }) => {
    metadata.namespace = namespace;
  };
}

/** Adds labels. */
export function withLabels(labels: Record<string, string>): Change {
  return ({ metadata }) => {
    metadata.labels = { ...metadata.labels, ...labels };
  };
}

/** Adds annotations. */
export function withAnnotations(annotations: Record<string, string>): Change {
  return ({ metadata }) => {
    metadata.annotations = { ...metadata.annotations, ...annotations };
  };
}

/** Makes `owner`, as built, its controller. */
export function ownedBy(owner: KubeObject): Change {
  return ({ metadata }) => {
    const { apiVersion = "", kind = "" } = owner;
    const { name = "", uid = "" } = owner.metadata;
    metadata.ownerReferences = [{ apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true }];
  };
}

/** Makes somebody whom no test knows its controller. */
export const ownedBySomeoneElse: Change = ({ metadata }) => {
  metadata.ownerReferences = [
    { apiVersion: "example.com/v1", kind: "Other", name: "other", uid: "uid-other", controller: true },
  ];
};

/** Begins its deletion; the finalizers keep it. */
export function deleting(...finalizers: string[]): Change {
  return ({ metadata }) => {
    metadata.deletionTimestamp = "2026-01-01T00:00:00Z";
    metadata.finalizers = finalizers;
  };
}

/** Raises its generation, as a change of its spec does. */
export function withGeneration(generation: number): Change {
  return ({ metadata }) => {
    metadata.generation = generation;
  };
}

/** Replaces fields of its spec. */
export function withSpec(spec: object): Change {
  return (object) => {
    const holder = object as KubeObject & { spec?: object };
    holder.spec = { ...holder.spec, ...spec };
  };
}

/** Replaces fields of its status. */
export function withStatus(status: object): Change {
  return (object) => {
    const holder = object as KubeObject & { status?: object };
    holder.status = { ...holder.status, ...status };
  };
}

/** Sets conditions, given as `{ Ready: "True", RoutesReady: "False/Reason" }`, and observes the generation. */
export function withConditions(conditions: Readonly<Record<string, string>>): Change {
  return (object) => {
    const list = Object.entries(conditions).map(([type, text]) => {
      const [status = "Unknown", reason] = text.split("/");
      const lastTransitionTime = "2026-01-01T00:00:00Z";
      return { type, status, ...(reason !== undefined && { reason }), lastTransitionTime };
    });
    list.sort((a, b) => (a.type < b.type ? -1 : 1));
    withStatus({ conditions: list, observedGeneration: object.metadata.generation })(object);
  };
}
