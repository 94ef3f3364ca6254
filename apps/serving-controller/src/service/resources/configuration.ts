import { apiVersionOf, makeOwnerReference } from "@kelvin/api";
import { annotations, Configuration, labels, Service } from "@kelvin/api/serving/v1";
import { makeChildAnnotations } from "./annotations.ts";
import { childNameOf } from "./names.ts";

/**
 * The Configuration of a Service. `knownRoutes` are the Routes that an existing one is known to be used by. Pure.
 *
 * A new one names the Service's own Route before that exists, so that the first Revision is born active and keeps its
 * pods. An existing one names it only while traffic goes to the latest Revision: with traffic pinned to named Revisions
 * the Configuration's own reconcile takes the name away, and adding it again would never end.
 */
export function makeConfiguration(service: Service, knownRoutes?: readonly string[]): Configuration {
  const { name = "", namespace = "", uid = "", labels: given, annotations: notes } = service.metadata;
  const {
    [annotations.rolloutDuration]: _d,
    [annotations.rolloutDurationAlternative]: _a,
    ...inherited
  } = makeChildAnnotations(notes);
  const own = knownRoutes === undefined || followsLatest(service) ? [childNameOf(service)] : [];
  const routes = [...new Set([...(knownRoutes ?? []), ...own])].toSorted();
  return {
    apiVersion: apiVersionOf(Configuration),
    kind: Configuration.kind,
    metadata: {
      name: childNameOf(service),
      namespace,
      labels: { ...given, [labels.service]: name, [labels.serviceUID]: uid },
      annotations: { ...inherited, ...(routes.length === 0 ? {} : { [annotations.routes]: routes.join(",") }) },
      ownerReferences: [makeOwnerReference(Service, service)],
    },
    spec: service.spec.template === undefined ? {} : { template: service.spec.template },
  };
}

function followsLatest({ spec }: Service): boolean {
  const { traffic = [] } = spec;
  return traffic.length === 0 || traffic.some((target) => target.latestRevision === true);
}
