import { type Controller, enqueueByLabel, openController, watching } from "@kelvin/controller";
import { CoreService, keyOf, keyText } from "@kelvin/kube";
import { indexes } from "../cluster-informers.ts";
import type { ControllerBase } from "../controller-base.ts";
import { serviceNameLabel } from "../endpoint-slice/slices.ts";
import { reconcileEndpoints } from "./reconcile.ts";

/** Services are woken by themselves, by their slices, and by their Endpoints, which have their name. */
export function openEndpointsController({ informers, recorderOf, ...base }: ControllerBase): Controller {
  const { services, slices, endpoints } = informers;
  return openController({
    ...base,
    name: "endpoints-controller",
    kind: CoreService,
    informer: services,
    recorder: recorderOf("endpoint-controller"),
    concurrency: 4,
    watches: [watching(slices, enqueueByLabel(serviceNameLabel)), watching(endpoints, (object) => [keyOf(object)])],
    reconcile: (service, { kube }) =>
      reconcileEndpoints(service, {
        kube,
        slicesOf: (owner) => slices.byIndex(indexes.service, keyText(keyOf(owner))),
        findEndpoints: (owner) => endpoints.get(keyOf(owner)),
      }),
  });
}
