import { activatorInternalPortName } from "@kelvin/api/scaling";
import type { EndpointSlice } from "@kelvin/kube";

/** One activator that takes requests now. */
export interface ActivatorEndpoint {
  /** Name of its Pod, or its address where the slice does not say. */
  readonly name: string;
  /** `address:port` of its internal listener. */
  readonly authority: string;
}

/** The ready activators in the slices of their Service; one address once, however many slices name it. */
export function listActivators(slices: readonly EndpointSlice[]): ActivatorEndpoint[] {
  const endpoints = slices.flatMap(listOfSlice);
  return [...new Map(endpoints.map((endpoint) => [endpoint.authority, endpoint])).values()];
}

function listOfSlice({ ports = [], endpoints = [] }: EndpointSlice): ActivatorEndpoint[] {
  const port = ports.find(({ name }) => name === activatorInternalPortName)?.port;
  if (port === undefined) return [];
  return endpoints.flatMap(({ addresses: [address], conditions, targetRef }) => {
    if (address === undefined || conditions?.ready === false) return [];
    const host = address.includes(":") ? `[${address}]` : address;
    return [{ name: targetRef?.name ?? address, authority: `${host}:${port}` }];
  });
}
