import { apiVersionOf, makeOwnerReference } from "@kelvin/api";
import { Ingress, type IngressRule, type IngressSplit } from "@kelvin/api/networking/v1alpha1";
import { annotations, labels, Route, routingHeaders } from "@kelvin/api/serving/v1";
import type { GroupHosts } from "../hosts.ts";
import type { ResolvedTarget, Traffic } from "../traffic.ts";
import { ingressName } from "./names.ts";

export interface IngressPlan {
  readonly traffic: Traffic;
  /** One for each traffic group. */
  readonly hosts: readonly GroupHosts[];
  readonly ingressClass: string;
}

/** The Ingress that makes the data plane serve a Route. Pure. */
export function makeIngress(route: Route, { traffic, hosts, ingressClass }: IngressPlan): Ingress {
  const { name = "", namespace = "", labels: routeLabels, annotations: routeAnnotations } = route.metadata;
  const { [annotations.lastApplied]: _dropped, ...inherited } = routeAnnotations ?? {};
  return {
    apiVersion: apiVersionOf(Ingress),
    kind: Ingress.kind,
    metadata: {
      name: ingressName(route),
      namespace,
      labels: { ...routeLabels, [labels.route]: name, [labels.routeNamespace]: namespace },
      annotations: { ...inherited, [annotations.ingressClass]: ingressClass },
      ownerReferences: [makeOwnerReference(Route, route)],
    },
    spec: {
      httpOption: "Enabled",
      rules: hosts
        .toSorted((a, b) => (a.tag < b.tag ? -1 : 1))
        .flatMap((group) => makeRules(group, makeSplits(traffic.groups.get(group.tag) ?? [], namespace))),
    },
  };
}

function makeRules(group: GroupHosts, splits: IngressSplit[]): IngressRule[] {
  const http = { paths: [{ splits }] };
  const local: IngressRule = { hosts: [...group.localHosts], visibility: "ClusterLocal", http };
  if (group.publicHost === undefined) return [local];
  return [local, { hosts: [group.publicHost], visibility: "ExternalIP", http }];
}

/** The activator sends to the Revision that the two headers name; there is no Service behind `serviceName`. */
function makeSplits(targets: readonly ResolvedTarget[], namespace: string): IngressSplit[] {
  return targets
    .filter(({ percent }) => percent > 0)
    .map(({ revisionName, percent }) => ({
      serviceNamespace: namespace,
      serviceName: revisionName,
      servicePort: 80,
      percent,
      appendHeaders: { [routingHeaders.revision]: revisionName, [routingHeaders.namespace]: namespace },
    }));
}
