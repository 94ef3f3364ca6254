import { type Controller, openController } from "@kelvin/controller";
import { type Change, keyOf, type ObjectKey, Pod } from "@kelvin/kube";
import { all, indexes, waking } from "../cluster-informers.ts";
import type { ControllerBase } from "../controller-base.ts";
import { isPodTerminal } from "../pods.ts";
import { openAssumptions } from "./assumptions.ts";
import { isWaitingForNode, reconcileScheduling } from "./reconcile.ts";

const name = "default-scheduler";

/** Pods are woken when they wait for a node; all that wait, when a node changes or a pod leaves room. */
export function openScheduler({ informers, recorderOf, ...base }: ControllerBase): Controller {
  const { pods, nodes } = informers;
  const recorder = recorderOf(name);
  const assumptions = openAssumptions();
  const waiting = (): ObjectKey[] => pods.byIndex(indexes.waiting, all).sort(byPriority).map(keyOf);
  const unsubscribe = pods.onChange(({ before, after }) => {
    if (before !== undefined && after === undefined) assumptions.forget(before.metadata.uid ?? "");
    if (after?.spec?.nodeName !== undefined) assumptions.forget(after.metadata.uid ?? "");
  });
  const controller = openController({
    ...base,
    name,
    kind: Pod,
    informer: pods,
    recorder,
    concurrency: 16,
    watches: [waking(nodes, waiting), waking(pods, (change) => (leavesRoom(change) ? waiting() : []))],
    reconcile: (pod, { kube, clock }) =>
      reconcileScheduling(pod, {
        kube,
        clock,
        recorder,
        assumptions,
        nodes: () => nodes.list(),
        podsOn: (nodeName) => pods.byIndex(indexes.node, nodeName),
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

/** The more important first, and among equals the one that has waited longer. */
function byPriority(a: Pod, b: Pod): number {
  const since = ({ metadata }: Pod): number => Date.parse(metadata.creationTimestamp ?? "") || 0;
  return (b.spec?.priority ?? 0) - (a.spec?.priority ?? 0) || since(a) - since(b);
}

function leavesRoom({ before, after }: Change<Pod>): boolean {
  if (before === undefined || isWaitingForNode(before)) return false;
  return after === undefined || (isPodTerminal(after) && !isPodTerminal(before));
}
