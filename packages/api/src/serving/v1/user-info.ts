import { isSemanticallyEqual } from "../../meta/equality.ts";
import type { KubeObject } from "../../meta/object-meta.ts";
import type { AdmissionContext } from "./context.ts";
import { annotations } from "./labels.ts";

interface ObjectWithSpec extends KubeObject {
  spec: unknown;
}

/** Notes who made the object and who last changed its spec. Objects made by a controller of ours are left alone. */
export function annotateUser<T extends ObjectWithSpec>(object: T, { old, userInfo }: AdmissionContext<T>): void {
  if (userInfo?.username === undefined) return;
  if (old !== undefined && isSemanticallyEqual(old.spec, object.spec)) return;
  const user = userInfo.username;
  const created = old === undefined ? { [annotations.creator]: user } : {};
  object.metadata.annotations = {
    ...object.metadata.annotations,
    ...created,
    [annotations.lastModifier]: user,
  };
}

/** Whether some other object owns this one. */
export function hasOwner({ metadata }: KubeObject): boolean {
  return (metadata.ownerReferences ?? []).length > 0;
}
