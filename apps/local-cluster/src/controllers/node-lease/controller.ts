import { type Controller, openController, watching } from "@kelvin/controller";
import { Node } from "@kelvin/kube";
import { indexes } from "../cluster-informers.ts";
import type { ControllerBase } from "../controller-base.ts";
import { openRenewals, reconcileNodeLease } from "./reconcile.ts";

const name = "node-controller";

/** Nodes are woken by themselves, by their Lease, and by the time after which a silent one is given up. */
export function openNodeLeaseController({ informers, recorderOf, ...base }: ControllerBase): Controller {
  const { nodes, leases, pods } = informers;
  const recorder = recorderOf(name);
  const renewals = openRenewals(() => base.clock.monotonicMs());
  return openController({
    ...base,
    name,
    kind: Node,
    informer: nodes,
    recorder,
    watches: [watching(leases, ({ metadata }) => [{ name: metadata.name ?? "" }])],
    forget: (key) => renewals.forget(key.name),
    reconcile: (node, { kube, clock }) =>
      reconcileNodeLease(node, {
        kube,
        clock,
        recorder,
        renewals,
        lease: (key) => leases.get(key),
        podsOn: (nodeName) => pods.byIndex(indexes.node, nodeName),
      }),
  });
}
