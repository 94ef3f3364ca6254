import { createHash } from "node:crypto";
import { isIPv6 } from "node:net";
import type { EndpointSlice } from "@kelvin/kube";
import { type EndpointAddress, Endpoints, type EndpointSubset } from "../endpoints/endpoints-kind.ts";
import { managedByLabel, serviceNameLabel } from "../endpoint-slice/slices.ts";
import { safeEncode } from "../generated-name.ts";
import { makeControllerReference } from "../ownership.ts";

export const mirroringControllerName = "endpointslicemirroring-controller.k8s.io";
const ADDRESSES_MAX = 1_000;

/** The slices that say what an Endpoints says: one for each subset and family of addresses. Names are functions of the place. */
export function makeMirroredSlices(endpoints: Endpoints): EndpointSlice[] {
  return (endpoints.subsets ?? []).flatMap((subset, index) =>
    (["IPv4", "IPv6"] as const).flatMap((family) => {
      const mirrored = endpointsOf(subset, family);
      return mirrored.length === 0 ? [] : [makeSlice(endpoints, { subset, index, family, endpoints: mirrored })];
    }),
  );
}

type SliceEndpoint = NonNullable<EndpointSlice["endpoints"]>[number];

function endpointsOf({ addresses, notReadyAddresses }: EndpointSubset, family: "IPv4" | "IPv6"): SliceEndpoint[] {
  const all = [
    ...(addresses ?? []).map((address) => makeEndpoint(address, true)),
    ...(notReadyAddresses ?? []).map((address) => makeEndpoint(address, false)),
  ];
  const ofFamily = all.filter(({ addresses: [ip = ""] }) => isIPv6(ip) === (family === "IPv6"));
  return ofFamily.slice(0, ADDRESSES_MAX);
}

function makeEndpoint({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): SliceEndpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname !== undefined && { hostname }),
    ...(nodeName !== undefined && { nodeName }),
    ...(targetRef !== undefined && { targetRef }),
  };
}

interface Part {
  readonly subset: EndpointSubset;
  readonly index: number;
  readonly family: "IPv4" | "IPv6";
  readonly endpoints: SliceEndpoint[];
}

function makeSlice(owner: Endpoints, { subset, index, family, endpoints }: Part): EndpointSlice {
  const { name = "", namespace = "", uid = "", labels } = owner.metadata;
  const digest = createHash("sha256").update(`${uid} ${index} ${family}`).digest();
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: `${name.slice(0, 57)}-${safeEncode(digest, 5)}`,
      namespace,
      generateName: `${name}-`,
      labels: { ...labels, [serviceNameLabel]: name, [managedByLabel]: mirroringControllerName },
      ownerReferences: [makeControllerReference(Endpoints, owner)],
    },
    addressType: family,
    ports: (subset.ports ?? []).map(({ name: portName = "", port, protocol = "TCP", appProtocol }) => ({
      name: portName,
      port,
      protocol,
      ...(appProtocol !== undefined && { appProtocol }),
    })),
    endpoints,
  };
}
