import { Bus, ClusterBus } from "@kelvin/api/channels/v1alpha1";
import { enqueueOwner, openController, watching, type Controller } from "@kelvin/controller";
import type { Informer, Kind } from "@kelvin/kube";
import type { ControllerKit } from "../controller-kit.ts";
import type { AnyBus } from "./bus-place.ts";
import { reconcileBus } from "./reconcile.ts";

/** Wakes a Bus when it or anything that was made for it changes. */
export function openBusController(kit: ControllerKit): Controller {
  return openFor(Bus, kit.informers.buses, kit);
}

/** Wakes a ClusterBus when it or anything that was made for it changes. */
export function openClusterBusController(kit: ControllerKit): Controller {
  return openFor(ClusterBus, kit.informers.clusterBuses, kit);
}

function openFor<T extends AnyBus>(kind: Kind<T>, informer: Informer<T>, kit: ControllerKit): Controller {
  const { common, informers, systemNamespace, ownImage } = kit;
  const { busServices, busDeployments, busAccounts, busBindings } = informers;
  const children = { busServices, busDeployments, busAccounts, busBindings };
  return openController({
    ...common,
    name: `${kind.kind.toLowerCase()}-controller`,
    kind,
    informer,
    watches: Object.values(children).map((child) => watching(child as Informer<never>, enqueueOwner(kind))),
    reconcile: (bus, context) => reconcileBus(bus, { ...context, ...children, systemNamespace, ownImage }),
  });
}
