import { apiVersionOf, makeOwnerReference } from "@kelvin/api";
import { labels, Route } from "@kelvin/api/serving/v1";
import { CoreService } from "@kelvin/kube";
import type { GroupHosts } from "../hosts.ts";

/**
 * The Service that makes `<name>.<namespace>.svc` a name: an alias of the gateway inside the cluster, which then finds
 * the Route by the Host that the client sent. Pure.
 */
export function makePlaceholderService(route: Route, group: GroupHosts, gatewayHost: string): CoreService {
  const { name = "", namespace = "", labels: routeLabels } = route.metadata;
  const service = routeLabels?.[labels.service];
  return {
    apiVersion: apiVersionOf(CoreService),
    kind: CoreService.kind,
    metadata: {
      name: group.serviceName,
      namespace,
      labels: {
        ...(service === undefined ? {} : { [labels.service]: service }),
        [labels.route]: name,
        ...(group.tag === "" ? {} : { [labels.tag]: group.tag }),
      },
      ownerReferences: [makeOwnerReference(Route, route)],
    },
    spec: {
      type: "ExternalName",
      externalName: gatewayHost,
      sessionAffinity: "None",
      ports: [{ name: "http", port: 80, targetPort: 80, protocol: "TCP" }],
    },
  };
}
