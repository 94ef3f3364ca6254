import {
  annotations,
  labels,
  type Configuration,
  type Revision,
  type Route,
  type Service,
} from "@kelvin/api/serving/v1";
import type { KubeObject } from "@kelvin/api";
import {
  configuration as anyConfiguration,
  ownedBy,
  revision as anyRevision,
  route as anyRoute,
  service as anyService,
  withAnnotations,
  withLabels,
  withSpec,
  type Change,
} from "@kelvin/testkit";

// The family of one Service, each as the reconciler above it makes it: defaulted, labelled and owned.

const podSpec = {
  timeoutSeconds: 300,
  containerConcurrency: 0,
  enableServiceLinks: false,
  containers: [
    {
      name: "user-container",
      image: "dev.local/hello",
      readinessProbe: { tcpSocket: { port: 0 }, successThreshold: 1 },
    },
  ],
};

/** A Service that sends all its traffic to its latest Revision. */
export function service(name: string, ...changes: Change<Service>[]): Service {
  const spec = { template: { spec: structuredClone(podSpec) }, traffic: [{ latestRevision: true, percent: 100 }] };
  return anyService(name, withSpec(spec), ...changes);
}

/** The Configuration of the Service of the same name. */
export function configuration(name: string, ...changes: Change<Configuration>[]): Configuration {
  const owner = service(name);
  return anyConfiguration(
    name,
    withSpec({ template: { spec: structuredClone(podSpec) } }),
    withLabels({ [labels.service]: name, [labels.serviceUID]: owner.metadata.uid ?? "" }),
    withAnnotations({ [annotations.routes]: name }),
    ownedBy(owner),
    ...changes,
  );
}

/** The Revision of the Configuration that its name begins with, for the generation that it ends with. */
export function revision(name: string, ...changes: Change<Revision>[]): Revision {
  const [, parent = name, generation = "1"] = /^(.*)-(\d{5})$/.exec(name) ?? [];
  const owner = configuration(parent);
  return anyRevision(
    name,
    withSpec(structuredClone(podSpec)),
    withLabels({
      [labels.configuration]: parent,
      [labels.configurationUID]: owner.metadata.uid ?? "",
      [labels.configurationGeneration]: String(Number(generation)),
      [labels.service]: parent,
      [labels.serviceUID]: owner.metadata.labels?.[labels.serviceUID] ?? "",
      [labels.routingState]: "active",
    }),
    withAnnotations({ [annotations.routes]: parent, [annotations.routingStateModified]: "2026-01-01T00:00:00Z" }),
    ownedBy(owner),
    ...changes,
  );
}

/** The Route of the Service of the same name. */
export function route(name: string, ...changes: Change<Route>[]): Route {
  return anyRoute(name, withLabels({ [labels.service]: name }), ownedBy(service(name)), ...changes);
}

/** Makes it nobody's. */
export const ownedByNobody: Change<KubeObject> = ({ metadata }) => {
  delete metadata.ownerReferences;
};

/** Says when it was made. */
export function createdAt(time: string): Change<KubeObject> {
  return ({ metadata }) => {
    metadata.creationTimestamp = time;
  };
}
