import type { CoreService, EndpointSlice, Informer } from "@kelvin/kube";
import { byClusterIp, byEndpointAddress, bySliceService } from "../service-proxy.ts";
import type { NameSource } from "./resolve-name.ts";

export interface ClusterNamesOptions {
  /** Both indexed as the service proxy wants it. */
  readonly services: Informer<CoreService>;
  readonly slices: Informer<EndpointSlice>;
  readonly hostAddress: string;
}

/** The names of the cluster as its informers know them: always current, and nothing to keep in step. */
export function makeClusterNames({ services, slices, hostAddress }: ClusterNamesOptions): NameSource {
  return {
    findService: (namespace, name) => services.get({ namespace, name }),
    slicesOf: (namespace, name) => slices.byIndex(bySliceService, `${namespace}/${name}`),
    hasNamespace: (namespace) => services.list(namespace).length > 0,
    ownersOf: (address) => ({
      services: services.byIndex(byClusterIp, address),
      slices: slices.byIndex(byEndpointAddress, address),
    }),
    hostAddress,
  };
}
