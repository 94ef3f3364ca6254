import { activatorInternalPortName, activatorServiceName } from "@kelvin/api/scaling";
import type { EndpointSlice, Informer } from "@kelvin/kube";

/** An activator that takes, or soon no longer takes, part in the request path. */
export interface ActivatorEndpoint {
  /** Name of its Pod: what its reports call it. */
  readonly name: string;
  /** `address:port` of its internal listener. */
  readonly host: string;
  /** False while it starts or stops. It may still have requests in flight. */
  readonly isReady: boolean;
}

/** Label that ties an EndpointSlice to its Service. */
export const activatorSliceSelector = `kubernetes.io/service-name=${activatorServiceName}`;

/** All activators in the slices of their Service, the starting and the stopping ones included, sorted by name. */
export function listActivators(slices: Pick<Informer<EndpointSlice>, "list">): ActivatorEndpoint[] {
  const found = new Map<string, ActivatorEndpoint>();
  for (const slice of slices.list()) {
    const port = slice.ports?.find((candidate) => candidate.name === activatorInternalPortName)?.port;
    if (port === undefined) continue;
    for (const endpoint of slice.endpoints ?? []) {
      const name = endpoint.targetRef?.name;
      const address = endpoint.addresses[0];
      if (name === undefined || address === undefined) continue;
      const isReady = endpoint.conditions?.ready === true;
      found.set(name, { name, host: `${address}:${port}`, isReady: isReady || found.get(name)?.isReady === true });
    }
  }
  return [...found.values()].toSorted((left, right) => left.name.localeCompare(right.name));
}
