/** The metadata every Kubernetes object carries. Timestamps are RFC 3339 strings, as on the wire. */
export interface ObjectMeta {
  name?: string;
  generateName?: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  /** Raised by the API server on each change of `spec`; starts at 1. */
  generation?: number;
  creationTimestamp?: string;
  /** Set once deletion has begun; the object then lives only until its finalizers are gone. */
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
}

/** Names the object that owns this one; the garbage collector deletes dependants of what is gone. */
export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  /** True for the one owner that manages this object. */
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** The least that any object read from or written to the Kubernetes API has. */
export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
}

/** Names one object within its kind. `namespace` is absent for cluster-scoped kinds. */
export interface ObjectKey {
  readonly namespace?: string;
  readonly name: string;
}
