import type { KubeObject } from "@kelvin/api";
import type { ObjectName } from "../model/names.ts";

/** What is a stream. */
export type StreamKind = "Broker" | "Channel" | "InMemoryChannel";

/** The name of a stream, as an object. */
export type StreamName = ObjectName & { readonly kind: StreamKind };

/** An object's name as text, for maps. */
export function objectText({ kind, namespace, name }: ObjectName): string {
  return `${kind} ${namespace}/${name}`;
}

/** The name of an object of a kind. */
export function nameOf<K extends string>(kind: K, { metadata }: KubeObject): ObjectName & { readonly kind: K } {
  return { kind, namespace: metadata.namespace ?? "", name: metadata.name ?? "" };
}
