import type { CoreService, EndpointSlice } from "@kelvin/kube";

/** Where a connection may be sent. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** The label by which an EndpointSlice names its Service. */
export const serviceNameLabel = "kubernetes.io/service-name";

/**
 * The endpoints behind one port of a Service: the ready ones or, when there is none, those that still serve while they
 * terminate, as kube-proxy does, so that a restart does not refuse connections that could be answered.
 */
export function selectEndpoints(slices: readonly EndpointSlice[], portName: string | undefined): Endpoint[] {
  const ready = endpointsWhere(slices, portName, (conditions) => conditions?.ready !== false);
  if (ready.length > 0) return ready;
  return endpointsWhere(
    slices,
    portName,
    (conditions) => conditions?.serving === true && conditions.terminating === true,
  );
}

type Conditions = NonNullable<EndpointSlice["endpoints"]>[number]["conditions"];

function endpointsWhere(
  slices: readonly EndpointSlice[],
  portName: string | undefined,
  accepts: (conditions: Conditions) => boolean,
): Endpoint[] {
  return slices.flatMap(({ ports, endpoints }) => {
    const port = ports?.find(({ name }) => (name ?? "") === (portName ?? ""))?.port;
    if (port === undefined) return [];
    const accepted = (endpoints ?? []).filter(({ conditions }) => accepts(conditions));
    return accepted.flatMap(({ addresses: [address] }) => (address === undefined ? [] : [{ address, port }]));
  });
}

/** True for a Service that has an address of its own to listen on. */
export function hasClusterIp(service: CoreService): boolean {
  const address = service.spec?.clusterIP;
  return service.spec?.type !== "ExternalName" && address !== undefined && address !== "" && address !== "None";
}
