import { isSemanticallyEqual } from "../../meta/equality.ts";
import type { KubeObject } from "../../meta/object-meta.ts";
import type { AdmissionContext } from "./context.ts";
import { annotations } from "./labels.ts";

interface ObjectWithSpec extends KubeObject {
  spec: unknown;
}

/**
 * Notes who made the object and who last changed its spec. A manifest that lacks these notes, as with `kubectl replace`, does not
 * take them away.
 */
export function annotateUser<T extends ObjectWithSpec>(object: T, { old, userInfo }: AdmissionContext<T>): void {
  const user = userInfo?.username;
  if (user === undefined) return;
  const notes = old === undefined ? { [annotations.creator]: user } : notesOf(old, object);
  const isChanged = old === undefined || !isSemanticallyEqual(old.spec, object.spec);
  const modifier = isChanged ? { [annotations.lastModifier]: user } : {};
  if (Object.keys(notes).length === 0 && !isChanged) return;
  object.metadata.annotations = { ...object.metadata.annotations, ...notes, ...modifier };
}

// Those notes of the stored object that the new one lacks.
function notesOf(old: KubeObject, object: KubeObject): Record<string, string> {
  return Object.fromEntries(
    [annotations.creator, annotations.lastModifier].flatMap((key): [string, string][] => {
      const note = old.metadata.annotations?.[key];
      return note === undefined || object.metadata.annotations?.[key] !== undefined ? [] : [[key, note]];
    }),
  );
}

/** Whether some other object owns this one. */
export function hasOwner({ metadata }: KubeObject): boolean {
  return (metadata.ownerReferences ?? []).length > 0;
}
