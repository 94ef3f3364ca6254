import type { CoreService, EndpointSlice } from "@kelvin/kube";
import { isIPv4 } from "node:net";
import { serviceNameLabel } from "../endpoints.ts";

const SUFFIX = ".in-addr.arpa";

/** The address that `2.0.44.10.in-addr.arpa` asks for; undefined for any other name. */
export function addressOfReverseName(name: string): string | undefined {
  if (!name.endsWith(SUFFIX)) return undefined;
  const address = name.slice(0, -SUFFIX.length).split(".").toReversed().join(".");
  return isIPv4(address) ? address : undefined;
}

/** What has an address, by which it gets its name. */
export interface AddressOwners {
  readonly services: readonly CoreService[];
  readonly slices: readonly EndpointSlice[];
}

/** The names of an address: that of the Service that has it, and those of its endpoint in each Service that has it. */
export function namesOfAddress(address: string, { services, slices }: AddressOwners, domain: string): string[] {
  const own = services.map(({ metadata }) => `${metadata.name ?? ""}.${metadata.namespace ?? ""}.svc.${domain}`);
  const ofEndpoints = slices.flatMap(({ metadata, endpoints }) => {
    const service = metadata.labels?.[serviceNameLabel];
    const found = (endpoints ?? []).find(({ addresses }) => addresses.includes(address));
    if (service === undefined || found === undefined) return [];
    const hostname = found.hostname ?? address.replaceAll(".", "-");
    return [`${hostname}.${service}.${metadata.namespace ?? ""}.svc.${domain}`];
  });
  return [...new Set([...own, ...ofEndpoints])];
}
