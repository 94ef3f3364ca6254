import { type Controller, enqueueByLabel, openController, watching } from "@kelvin/controller";
import { CoreService, keyOf, keyText, type ObjectKey, type Pod } from "@kelvin/kube";
import { indexes } from "../cluster-informers.ts";
import type { ControllerBase } from "../controller-base.ts";
import { isServed, reconcileEndpointSlices } from "./reconcile.ts";
import { serviceNameLabel } from "./slices.ts";

/** Services are woken by themselves, by pods they select or selected, and by changes of their slices. */
export function openEndpointSliceController({ informers, recorderOf, ...base }: ControllerBase): Controller {
  const { services, slices, pods } = informers;
  const selecting = (pod: Pod): ObjectKey[] =>
    services
      .list(pod.metadata.namespace)
      .filter((service) => selects(service, pod))
      .map(keyOf);
  return openController({
    ...base,
    name: "endpointslice-controller",
    kind: CoreService,
    informer: services,
    recorder: recorderOf("endpoint-slice-controller"),
    concurrency: 8,
    watches: [watching(pods, selecting), watching(slices, enqueueByLabel(serviceNameLabel))],
    reconcile: (service, { kube }) =>
      reconcileEndpointSlices(service, {
        kube,
        podsOf: (owner) => pods.list(owner.metadata.namespace).filter((pod) => selects(owner, pod)),
        slicesOf: (owner) => slices.byIndex(indexes.service, keyText(keyOf(owner))),
      }),
  });
}

function selects(service: CoreService, pod: Pod): boolean {
  if (!isServed(service)) return false;
  const labels = pod.metadata.labels ?? {};
  return Object.entries(service.spec?.selector ?? {}).every(([key, value]) => labels[key] === value);
}
