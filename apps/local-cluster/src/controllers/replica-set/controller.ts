import { type Controller, enqueueOwner, openController, watching } from "@kelvin/controller";
import { type Pod, ReplicaSet } from "@kelvin/kube";
import { candidatesOf, indexes, possibleOwners } from "../cluster-informers.ts";
import type { ControllerBase } from "../controller-base.ts";
import { controllerOf } from "../ownership.ts";
import { isPodActive } from "../pods.ts";
import { reconcileReplicaSet } from "./reconcile.ts";
import { openUnseenWrites } from "../unseen-writes.ts";

const name = "replicaset-controller";

/** ReplicaSets are woken by themselves and by their pods, and by orphans that they might adopt. */
export function openReplicaSetController(
  { informers, recorderOf, ...base }: ControllerBase,
  random: () => number = Math.random,
): Controller {
  const { replicaSets, pods } = informers;
  const recorder = recorderOf(name);
  const unseen = openUnseenWrites(() => base.clock.monotonicMs());
  // Before the controller subscribes: what wakes a reconcile must have been noted already.
  const unsubscribe = pods.onChange((change) => unseen.observe(change));
  const podsOf = (replicaSet: ReplicaSet): Pod[] => pods.byIndex(indexes.controller, replicaSet.metadata.uid ?? "");

  function siblingCounts(replicaSet: ReplicaSet): Map<string, number> {
    const owner = controllerOf(replicaSet);
    const siblings = owner === undefined ? [replicaSet] : replicaSets.byIndex(indexes.controller, owner.uid);
    const counts = new Map<string, number>();
    for (const pod of siblings.flatMap(podsOf).filter(isPodActive)) {
      const node = pod.spec?.nodeName ?? "";
      counts.set(node, (counts.get(node) ?? 0) + 1);
    }
    return counts;
  }

  const toOwner = enqueueOwner(ReplicaSet);
  const controller = openController({
    ...base,
    name,
    kind: ReplicaSet,
    informer: replicaSets,
    recorder,
    concurrency: 16,
    reconcilesDeleting: true,
    watches: [watching(pods, (pod) => [...toOwner(pod), ...possibleOwners(replicaSets, pod)])],
    reconcile: (replicaSet, { kube, clock }) =>
      reconcileReplicaSet(replicaSet, {
        kube,
        clock,
        recorder,
        random,
        unseen,
        candidatePods: (owner) => candidatesOf(pods, owner),
        siblingCounts,
      }),
  });
  return {
    ...controller,
    async close() {
      unsubscribe();
      await controller.close();
    },
  };
}
