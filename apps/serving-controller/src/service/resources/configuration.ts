import { apiVersionOf, makeOwnerReference } from "@kelvin/api";
import { annotations, Configuration, labels, Service } from "@kelvin/api/serving/v1";
import { makeChildAnnotations } from "./annotations.ts";
import { childNameOf } from "./names.ts";

/** The Configuration of a Service. `otherRoutes` are Routes beside its own that already use the Configuration. Pure. */
export function makeConfiguration(service: Service, otherRoutes: readonly string[] = []): Configuration {
  const { name = "", namespace = "", uid = "", labels: own, annotations: notes } = service.metadata;
  const {
    [annotations.rolloutDuration]: _d,
    [annotations.rolloutDurationAlternative]: _a,
    ...inherited
  } = makeChildAnnotations(notes);
  const routes = [...new Set([...otherRoutes, childNameOf(service)])].toSorted();
  return {
    apiVersion: apiVersionOf(Configuration),
    kind: Configuration.kind,
    metadata: {
      name: childNameOf(service),
      namespace,
      labels: { ...own, [labels.service]: name, [labels.serviceUID]: uid },
      // Named before the Route exists, so that the first Revision is born active and keeps its pods.
      annotations: { ...inherited, [annotations.routes]: routes.join(",") },
      ownerReferences: [makeOwnerReference(Service, service)],
    },
    spec: service.spec.template === undefined ? {} : { template: service.spec.template },
  };
}
