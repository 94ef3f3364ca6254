import type { KubeObject, ObjectMeta } from "@kelvin/api";

// @kubernetes/client-node's types describe what its deserialiser makes: Dates for timestamps, and names that JavaScript
// could not use unquoted (`_continue`). On the wire, and so here, timestamps are strings and names are Kubernetes' own.

type WireName<K> = K extends `_${infer Name}` ? Name : K;

/** A type of `@kubernetes/client-node` as it is in JSON: timestamps are RFC 3339 strings. */
export type Wire<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? Wire<Item>[]
    : T extends object
      ? { [K in keyof T as WireName<K>]: Wire<T[K]> }
      : T;

/** A whole object of `@kubernetes/client-node` as it is in JSON, with metadata always there. */
export type WireObject<T> = Omit<Wire<T>, "metadata" | "apiVersion" | "kind"> & KubeObject & { metadata: ObjectMeta };
