import type { KubeObject } from "./object-meta.ts";

/**
 * Tells the Kubernetes port where objects of one kind live and, through the type parameter, what they look like.
 * A value of this type has the Kind's own name (`Revision`, `Pod`), beside the type of the same name.
 */
export interface Kind<T extends KubeObject = KubeObject> {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** The lower-case plural in URLs, such as `revisions`. */
  readonly plural: string;
  readonly namespaced: boolean;
  /** Never set: it only carries the static type. */
  readonly objectType?: T;
}

/** The `apiVersion` of a kind: `v1` for the core group, `group/version` otherwise. */
export function apiVersionOf(kind: Kind): string {
  return kind.group === "" ? kind.version : `${kind.group}/${kind.version}`;
}
