import { type Controller, enqueueByLabel, openController, watching } from "@kelvin/controller";
import { keyOf, keyText } from "@kelvin/kube";
import { indexes } from "../cluster-informers.ts";
import type { ControllerBase } from "../controller-base.ts";
import { Endpoints } from "../endpoints/endpoints-kind.ts";
import { serviceNameLabel } from "../endpoint-slice/slices.ts";
import { reconcileMirroring } from "./reconcile.ts";

/** Endpoints are woken by themselves, by their Service, which has their name, and by the slices made for them. */
export function openEndpointSliceMirroringController({ informers, recorderOf, ...base }: ControllerBase): Controller {
  const { services, mirroredSlices, endpoints } = informers;
  return openController({
    ...base,
    name: "endpointslice-mirroring-controller",
    kind: Endpoints,
    informer: endpoints,
    recorder: recorderOf("endpoint-slice-mirroring-controller"),
    concurrency: 2,
    watches: [
      watching(services, (service) => [keyOf(service)]),
      watching(mirroredSlices, enqueueByLabel(serviceNameLabel)),
    ],
    reconcile: (object, { kube }) =>
      reconcileMirroring(object, {
        kube,
        findService: (mirrored) => services.get(keyOf(mirrored)),
        slicesOf: (mirrored) => mirroredSlices.byIndex(indexes.service, keyText(keyOf(mirrored))),
      }),
  });
}
