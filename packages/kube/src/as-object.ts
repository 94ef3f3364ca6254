import type { Kind, KubeObject } from "@kelvin/api";
import { UnavailableError } from "./errors.ts";
import { apiVersionOf } from "./resource-path.ts";

/**
 * The edge where JSON becomes a type. An API server has validated what it stores, so only the outer shape is checked.
 * Built-in kinds come without their type in lists: it is filled in.
 */
export function asObject<T extends KubeObject>(kind: Kind<T>, value: unknown): T {
  const object = value as T | null;
  if (object === null || typeof object !== "object" || typeof object.metadata !== "object") {
    throw new UnavailableError(`the server's answer is not a ${kind.kind}`);
  }
  object.apiVersion ??= apiVersionOf(kind);
  object.kind ??= kind.kind;
  return object;
}
