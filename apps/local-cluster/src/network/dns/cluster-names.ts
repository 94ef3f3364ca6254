import type { CoreService, EndpointSlice, Informer } from "@kelvin/kube";
import { bySliceService } from "../service-proxy.ts";
import type { NameSource } from "./resolve-name.ts";

export interface ClusterNamesOptions {
  readonly services: Informer<CoreService>;
  /** Indexed as the service proxy wants it. */
  readonly slices: Informer<EndpointSlice>;
  readonly hostAddress: string;
}

/** The names of the cluster as its informers know them: always current, and nothing to keep in step. */
export function makeClusterNames({ services, slices, hostAddress }: ClusterNamesOptions): NameSource {
  return {
    findService: (namespace, name) => services.get({ namespace, name }),
    slicesOf: (namespace, name) => slices.byIndex(bySliceService, `${namespace}/${name}`),
    hasNamespace: (namespace) => services.list(namespace).length > 0,
    hostAddress,
  };
}
