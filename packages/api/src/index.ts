export { apiVersionOf, type Kind } from "./meta/kind.ts";
export type { KubeObject, ObjectKey, ObjectMeta, OwnerReference } from "./meta/object-meta.ts";
