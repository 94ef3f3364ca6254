import type { KubeObject } from "@kelvin/api";
import type { ObjectName } from "../model/names.ts";

/** What is a stream. `BusChannel` is the Channel of the founding kind, which is called as messaging's is. */
export type StreamKind = "Broker" | "Channel" | "InMemoryChannel" | "BusChannel";

/** The name of a stream, as an object. */
export type StreamName = ObjectName & { readonly kind: StreamKind };

/** What consumers of a stream are. */
export function consumerKindOf(stream: StreamKind): "Trigger" | "Subscription" | "BusSubscription" {
  if (stream === "Broker") return "Trigger";
  return stream === "BusChannel" ? "BusSubscription" : "Subscription";
}

/** An object's name as text, for maps. */
export function objectText({ kind, namespace, name }: ObjectName): string {
  return `${kind} ${namespace}/${name}`;
}

/** The name of an object of a kind. */
export function nameOf<K extends string>(kind: K, { metadata }: KubeObject): ObjectName & { readonly kind: K } {
  return { kind, namespace: metadata.namespace ?? "", name: metadata.name ?? "" };
}
