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
  for (const activator of slices.list().flatMap(listSlice)) {
    const isReady = activator.isReady || found.get(activator.name)?.isReady === true;
    found.set(activator.name, { ...activator, isReady });
  }
  return [...found.values()].toSorted((left, right) => left.name.localeCompare(right.name));
}

function listSlice(slice: EndpointSlice): ActivatorEndpoint[] {
  const port = slice.ports?.find((candidate) => candidate.name === activatorInternalPortName)?.port;
  if (port === undefined) return [];
  return (slice.endpoints ?? []).flatMap(({ targetRef, addresses: [address], conditions }) =>
    targetRef?.name === undefined || address === undefined
      ? []
      : [{ name: targetRef.name, host: `${address}:${port}`, isReady: conditions?.ready === true }],
  );
}
