import { type Controller, enqueueOwner, openController, watching } from "@kelvin/controller";
import { type Change, Deployment, type ObjectKey, type Pod, ReplicaSet } from "@kelvin/kube";
import { candidatesOf, indexes, possibleOwners, waking } from "../cluster-informers.ts";
import type { ControllerBase } from "../controller-base.ts";
import { isPodTerminal } from "../pods.ts";
import { isRollingUpdate } from "./fenceposts.ts";
import { reconcileDeployment } from "./reconcile.ts";

const name = "deployment-controller";

/** Deployments are woken by themselves, by their ReplicaSets, and, when they recreate, by pods that end. */
export function openDeploymentController({ informers, recorderOf, ...base }: ControllerBase): Controller {
  const { deployments, replicaSets, pods } = informers;
  const recorder = recorderOf(name);
  const toOwner = enqueueOwner(Deployment);
  const podsOf = (replicaSet: ReplicaSet): Pod[] => pods.byIndex(indexes.controller, replicaSet.metadata.uid ?? "");

  /** Only a Deployment that recreates waits for its old pods to end. */
  function recreatingOwner({ before, after }: Change<Pod>): readonly ObjectKey[] {
    if (before === undefined || (after !== undefined && !isPodTerminal(after))) return [];
    const [replicaSetKey] = enqueueOwner(ReplicaSet)(before);
    const replicaSet = replicaSetKey && replicaSets.get(replicaSetKey);
    return (replicaSet === undefined ? [] : toOwner(replicaSet)).filter((key) => {
      const deployment = deployments.get(key);
      return deployment !== undefined && !isRollingUpdate(deployment);
    });
  }

  return openController({
    ...base,
    name,
    kind: Deployment,
    informer: deployments,
    recorder,
    concurrency: 8,
    reconcilesDeleting: true,
    watches: [
      watching(replicaSets, (replicaSet) => [...toOwner(replicaSet), ...possibleOwners(deployments, replicaSet)]),
      waking(pods, recreatingOwner),
    ],
    reconcile: (deployment, { kube, clock }) =>
      reconcileDeployment(deployment, {
        kube,
        clock,
        recorder,
        candidateReplicaSets: (owner) => candidatesOf(replicaSets, owner),
        hasRunningPods: (replicaSet) => podsOf(replicaSet).some((pod) => !isPodTerminal(pod)),
      }),
  });
}
