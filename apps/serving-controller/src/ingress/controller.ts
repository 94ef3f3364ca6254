import { Ingress } from "@kelvin/api/networking/v1alpha1";
import { annotations } from "@kelvin/api/serving/v1";
import { openController, waitForEvent, type Controller } from "@kelvin/controller";
import { keyText, parseKey } from "@kelvin/kube";
import { controllerWaking, type ControllerKit } from "../controller-kit.ts";
import { openActivatorTables, type FetchTable } from "./activator-tables.ts";
import { reconcileIngress, type Wait } from "./reconcile.ts";

/** Wakes an Ingress when it changes, when an activator applies it, and when an activator comes or goes. */
export function openIngressController(kit: ControllerKit, fetchTable: FetchTable): Controller {
  const { informers, common, settings, gatewayHost } = kit;
  const waits = new Map<string, Wait>();
  const controller = openController({
    ...common,
    name: "ingress-controller",
    kind: Ingress,
    informer: informers.ingresses,
    watches: [{ synced: informers.activatorSlices.synced, subscribe: () => () => undefined }],
    forget: (key) => waits.delete(keyText(key)),
    reconcile: async (ingress, context) => {
      // Another class is another data plane's to serve and to report on.
      const ingressClass = ingress.metadata.annotations?.[annotations.ingressClass] ?? settings().network.ingressClass;
      if (ingressClass !== settings().network.ingressClass) return waitForEvent;
      return reconcileIngress(ingress, { ...context, tables, waits, gatewayHost });
    },
  });
  const tables = openActivatorTables({
    slices: informers.activatorSlices,
    fetchTable,
    clock: common.clock,
    onChange: (keys) => {
      if (keys === undefined) controller.resync();
      else for (const key of keys) controller.enqueue(parseKey(key));
    },
  });
  return controllerWaking(controller, () => tables.close());
}
