import { CoreService, type EndpointSlice } from "@kelvin/kube";
import { makeControllerReference } from "../ownership.ts";
import type { EndpointAddress, EndpointPort, Endpoints, EndpointSubset } from "./endpoints-kind.ts";

const managedByLabel = "endpoints.kubernetes.io/managed-by";
const headlessLabel = "service.kubernetes.io/headless";
/** More than this nobody could read in one object; upstream cuts there too. */
const ADDRESSES_MAX = 1_000;

/** The Endpoints of a Service, from its slices: addresses that share ports share a subset, all in a fixed order. */
export function makeEndpoints(service: CoreService, slices: readonly EndpointSlice[]): Endpoints {
  const { name = "", namespace = "", labels } = service.metadata;
  const subsets = subsetsOf(slices);
  return {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: {
      name,
      namespace,
      labels: {
        ...labels,
        [managedByLabel]: "endpoint-controller",
        ...(service.spec?.clusterIP === "None" && { [headlessLabel]: "" }),
      },
      ownerReferences: [makeControllerReference(CoreService, service)],
    },
    ...(subsets.length > 0 && { subsets }),
  };
}

function subsetsOf(slices: readonly EndpointSlice[]): EndpointSubset[] {
  const byPorts = new Map<string, { ports: EndpointPort[]; ready: EndpointAddress[]; notReady: EndpointAddress[] }>();
  let left = ADDRESSES_MAX;
  for (const slice of slices) {
    const ports = portsOf(slice);
    const key = JSON.stringify(ports);
    const subset = byPorts.get(key) ?? { ports, ready: [], notReady: [] };
    byPorts.set(key, subset);
    // A pod that is on its way out is in neither list.
    const staying = (slice.endpoints ?? []).filter(({ conditions }) => conditions?.terminating !== true);
    for (const endpoint of staying.slice(0, left)) {
      left -= 1;
      (endpoint.conditions?.ready === false ? subset.notReady : subset.ready).push(addressOf(endpoint));
    }
  }
  const keys = [...byPorts.keys()].sort();
  return keys.flatMap((key) => {
    const { ports = [], ready = [], notReady = [] } = byPorts.get(key) ?? {};
    if (ready.length + notReady.length === 0) return [];
    return {
      ...(ready.length > 0 && { addresses: ready.sort(byIp) }),
      ...(notReady.length > 0 && { notReadyAddresses: notReady.sort(byIp) }),
      ...(ports.length > 0 && { ports }),
    };
  });
}

function byIp(left: EndpointAddress, right: EndpointAddress): number {
  return left.ip < right.ip ? -1 : left.ip > right.ip ? 1 : 0;
}

function portsOf({ ports }: EndpointSlice): EndpointPort[] {
  return (ports ?? []).flatMap(({ name = "", port, protocol = "TCP", appProtocol }) =>
    port === undefined
      ? []
      : [{ ...(name !== "" && { name }), port, protocol, ...(appProtocol !== undefined && { appProtocol }) }],
  );
}

type SliceEndpoint = NonNullable<EndpointSlice["endpoints"]>[number];

function addressOf({ addresses: [ip = ""], hostname, nodeName, targetRef }: SliceEndpoint): EndpointAddress {
  return {
    ip,
    ...(hostname !== undefined && { hostname }),
    ...(nodeName !== undefined && { nodeName }),
    ...(targetRef !== undefined && { targetRef }),
  };
}
