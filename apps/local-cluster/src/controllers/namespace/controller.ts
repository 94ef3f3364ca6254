import { type Controller, openController, type WatchSource } from "@kelvin/controller";
import { Namespace } from "@kelvin/kube";
import type { ControllerBase } from "../controller-base.ts";
import type { ObjectGraph } from "../garbage-collector/object-graph.ts";
import type { KindDirectory } from "../kind-directory.ts";
import { isBeingDeleted } from "../ownership.ts";
import { reconcileNamespace } from "./reconcile.ts";

const name = "namespace-controller";

/** Namespaces are woken by themselves and, when they are going away, by each object of theirs that is gone. */
export function openNamespaceController(
  { informers, recorderOf, ...base }: ControllerBase,
  { directory, graph }: { directory: KindDirectory; graph: ObjectGraph },
): Controller {
  const goneContent: WatchSource = {
    synced: directory.synced,
    subscribe: (enqueue) =>
      graph.onChange(({ before, after }) => {
        const key = { name: before?.object.metadata.namespace ?? "" };
        const namespace = after === undefined ? informers.namespaces.get(key) : undefined;
        if (namespace !== undefined && isBeingDeleted(namespace)) enqueue(key);
      }),
  };
  return openController({
    ...base,
    name,
    kind: Namespace,
    informer: informers.namespaces,
    recorder: recorderOf(name),
    reconcilesDeleting: true,
    watches: [goneContent],
    reconcile: (namespace, { kube, clock }) =>
      reconcileNamespace(namespace, { kube, clock, kinds: () => directory.all() }),
  });
}
