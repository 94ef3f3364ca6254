import { apiVersionOf, type Resource } from "../resource.ts";
import { findKindType, type MessageType } from "./message-types.ts";

const found = new WeakMap<Resource, MessageType | undefined>();

/** The fields of a resource's kind; `undefined` for custom kinds, whose schema says what they hold. */
export function kindTypeOf(resource: Resource): MessageType | undefined {
  if (resource.isCustom) return undefined;
  if (!found.has(resource)) found.set(resource, findKindType(apiVersionOf(resource), resource.kind));
  return found.get(resource);
}
