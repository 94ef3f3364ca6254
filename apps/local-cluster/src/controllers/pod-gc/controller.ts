import { type Controller, openController, watching } from "@kelvin/controller";
import { keyOf, Pod } from "@kelvin/kube";
import { all, indexes } from "../cluster-informers.ts";
import type { ControllerBase } from "../controller-base.ts";
import { reconcilePodGc } from "./reconcile.ts";

const name = "pod-garbage-collector";

/** Pods are woken by themselves and by changes of their node. */
export function openPodGcController({ informers, recorderOf, ...base }: ControllerBase): Controller {
  const { pods, nodes } = informers;
  const missingSinceMs = new Map<string, number>();
  return openController({
    ...base,
    name,
    kind: Pod,
    informer: pods,
    recorder: recorderOf(name),
    reconcilesDeleting: true,
    watches: [watching(nodes, ({ metadata }) => pods.byIndex(indexes.node, metadata.name ?? "").map(keyOf))],
    reconcile: (pod, { kube, clock }) =>
      reconcilePodGc(pod, {
        kube,
        clock,
        missingSinceMs,
        node: (key) => nodes.get(key),
        terminatedPods: () => pods.byIndex(indexes.terminated, all),
      }),
  });
}
