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
  const ready: Endpoint[] = [];
  const terminating: Endpoint[] = [];
  for (const slice of slices) {
    const port = slice.ports?.find((candidate) => (candidate.name ?? "") === (portName ?? ""))?.port;
    if (port === undefined) continue;
    for (const { addresses: [address] = [], conditions } of slice.endpoints ?? []) {
      if (address === undefined) continue;
      if (conditions?.ready !== false) ready.push({ address, port });
      else if (conditions.serving === true && conditions.terminating === true) terminating.push({ address, port });
    }
  }
  return ready.length > 0 ? ready : terminating;
}

/** True for a Service that has an address of its own to listen on. */
export function hasClusterIp(service: CoreService): boolean {
  const address = service.spec?.clusterIP;
  return service.spec?.type !== "ExternalName" && address !== undefined && address !== "" && address !== "None";
}
