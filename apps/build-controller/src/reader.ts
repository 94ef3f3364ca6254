import type { KubeObject } from "@kelvin/api";
import type { Informer } from "@kelvin/kube";

/** What a reconciler may ask an informer's copy. It may lag behind, and what it returns must never be changed. */
export type Reader<T extends KubeObject> = Pick<Informer<T>, "get" | "list" | "byIndex">;
