import { apiVersionOf, makeOwnerReference } from "@kelvin/api";
import { labels, Route, Service, type TrafficTarget } from "@kelvin/api/serving/v1";
import { makeChildAnnotations } from "./annotations.ts";
import { childNameOf } from "./names.ts";

/** The Route of a Service. Pure. */
export function makeRoute(service: Service): Route {
  const { name = "", namespace = "", labels: own, annotations: notes } = service.metadata;
  return {
    apiVersion: apiVersionOf(Route),
    kind: Route.kind,
    metadata: {
      name: childNameOf(service),
      namespace,
      labels: { ...own, [labels.service]: name },
      annotations: makeChildAnnotations(notes),
      ownerReferences: [makeOwnerReference(Service, service)],
    },
    spec: { traffic: (service.spec.traffic ?? []).map((target) => makeTarget(target, childNameOf(service))) },
  };
}

/** In a Service "the latest" needs no name; in a Route it is the latest of a Configuration. */
function makeTarget(target: TrafficTarget, configurationName: string): TrafficTarget {
  return target.revisionName === undefined || target.revisionName === "" ? { ...target, configurationName } : target;
}
