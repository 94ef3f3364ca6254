import type { CoreService, EndpointSlice } from "@kelvin/kube";
import { makePlainService, type PlainService } from "./plain-services.ts";

/** The plain Services of the cluster, brought up to date one at a time. */
export interface ServiceDirectory {
  /** Follows a Service that is another name of one; never out of the cluster. */
  find(namespace: string, name: string): PlainService | undefined;
  /** Reads the Service and its slices anew. */
  refresh(namespace: string, name: string): void;
}

export interface ServiceSource {
  service(namespace: string, name: string): CoreService | undefined;
  slices(namespace: string, name: string): readonly EndpointSlice[];
  /** Our own address: a Service that leads back to us is none to forward to. */
  readonly ownIp: string;
}

/** Names that lead to names: more is a loop, or might as well be. */
const aliasesMax = 4;

export const serviceNameLabel = "kubernetes.io/service-name";

export function openServiceDirectory(source: ServiceSource): ServiceDirectory {
  const services = new Map<string, PlainService>();
  return {
    find(namespace, name) {
      let service = services.get(`${namespace}/${name}`);
      for (let count = 0; service?.alias !== undefined; count++) {
        if (count === aliasesMax) return undefined;
        service = services.get(`${service.alias.namespace}/${service.alias.name}`);
      }
      return service;
    },
    refresh(namespace, name) {
      const key = `${namespace}/${name}`;
      const service = source.service(namespace, name);
      const slices = source.slices(namespace, name);
      const leadsBack = slices.some((slice) =>
        (slice.endpoints ?? []).some((endpoint) => endpoint.addresses.includes(source.ownIp)),
      );
      if (service === undefined || leadsBack) services.delete(key);
      else services.set(key, makePlainService(service, slices, services.get(key)));
    },
  };
}

/** Keeps of a Service what forwarding reads. */
export function trimService(service: CoreService): CoreService {
  const { ports, type, externalName } = service.spec ?? {};
  return {
    metadata: trimMeta(service.metadata),
    spec: {
      ...(ports === undefined ? {} : { ports }),
      ...(type === "ExternalName" && externalName !== undefined ? { type, externalName } : {}),
    },
  };
}

/** Keeps of an EndpointSlice what forwarding reads. */
export function trimSlice(slice: EndpointSlice): EndpointSlice {
  const service = slice.metadata.labels?.[serviceNameLabel];
  return {
    metadata: {
      ...trimMeta(slice.metadata),
      ...(service === undefined ? {} : { labels: { [serviceNameLabel]: service } }),
    },
    addressType: slice.addressType,
    ...(slice.ports === undefined ? {} : { ports: slice.ports }),
    endpoints: (slice.endpoints ?? []).map(({ addresses, conditions }) => ({
      addresses,
      ...(conditions === undefined ? {} : { conditions }),
    })),
  };
}

/** The part of any object's metadata that an informer needs. */
export function trimMeta(meta: CoreService["metadata"]): CoreService["metadata"] {
  const { name, namespace, uid, resourceVersion, generation, creationTimestamp } = meta;
  return {
    ...(name === undefined ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(generation === undefined ? {} : { generation }),
    ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
  };
}
