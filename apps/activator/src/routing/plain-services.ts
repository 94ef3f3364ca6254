import type { CoreService, EndpointSlice } from "@kelvin/kube";

/** One address of a plain Service. `inFlight` is what this activator has there. */
export interface ServiceEndpoint {
  readonly address: string;
  inFlight: number;
}

export interface ServicePort {
  readonly number: number;
  readonly name: string;
  readonly endpoints: readonly ServiceEndpoint[];
}

/** A Kubernetes Service that is not one of ours, with the ready addresses of each port. */
export interface PlainService {
  readonly namespace: string;
  readonly name: string;
  readonly ports: readonly ServicePort[];
  /** The Service of the cluster that it is only another name of (ExternalName), such as a channel's that leads to its bus. */
  readonly alias?: { readonly namespace: string; readonly name: string };
}

/** Joins a Service with its EndpointSlices. `before` lends its endpoints, so that their counts go on. */
export function makePlainService(
  service: CoreService,
  slices: readonly EndpointSlice[],
  before: PlainService | undefined,
): PlainService {
  const known = new Map<string, ServiceEndpoint>();
  for (const port of before?.ports ?? []) for (const endpoint of port.endpoints) known.set(endpoint.address, endpoint);
  const ports = (service.spec?.ports ?? [])
    .filter((port) => (port.protocol ?? "TCP") === "TCP")
    .map((port) => ({
      number: port.port,
      name: port.name ?? "",
      endpoints: readyAddresses(slices, port.name ?? "").map(
        (address) => known.get(address) ?? { address, inFlight: 0 },
      ),
    }));
  const alias = aliasOf(service);
  const { namespace = "", name = "" } = service.metadata;
  return { namespace, name, ports, ...(alias === undefined ? {} : { alias }) };
}

function aliasOf({ spec }: CoreService): PlainService["alias"] {
  return spec?.type === "ExternalName" ? parseServiceHost(spec.externalName ?? "") : undefined;
}

/** The port asked for by number or name; the one at 80 or the first when none is asked for, or it does not exist. */
export function findServicePort(service: PlainService, wanted: number | string | undefined): ServicePort | undefined {
  const exact = service.ports.find(
    (port) => port.number === Number(wanted) || (port.name !== "" && port.name === wanted),
  );
  return exact ?? service.ports.find((port) => port.number === 80) ?? service.ports[0];
}

/** Two at random, the less loaded of them. @param fractions two numbers in [0, 1). */
export function chooseEndpoint(
  endpoints: readonly ServiceEndpoint[],
  fractions: readonly [number, number],
): ServiceEndpoint | undefined {
  const a = endpoints[Math.floor(fractions[0] * endpoints.length)];
  const b = endpoints[Math.floor(fractions[1] * endpoints.length)];
  if (a === undefined || b === undefined) return a ?? b;
  return b.inFlight < a.inFlight ? b : a;
}

function readyAddresses(slices: readonly EndpointSlice[], portName: string): string[] {
  const addresses = new Set<string>();
  for (const slice of slices) {
    if (slice.addressType === "FQDN") continue;
    const port = (slice.ports ?? []).find((candidate) => (candidate.name ?? "") === portName)?.port;
    if (port === undefined) continue;
    for (const endpoint of slice.endpoints ?? []) {
      if (endpoint.conditions?.ready === false) continue;
      for (const ip of endpoint.addresses) addresses.add(socketAddress(ip, port));
    }
  }
  return [...addresses];
}

export function socketAddress(ip: string, port: number): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/** `<service>.<namespace>[.svc[.cluster.local]]`, or undefined for any other host. */
export function parseServiceHost(host: string): { namespace: string; name: string } | undefined {
  const [name, namespace, ...rest] = host.split(".");
  if (name === undefined || name === "" || namespace === undefined || namespace === "") return undefined;
  const suffix = rest.join(".");
  return suffix === "" || suffix === "svc" || suffix === "svc.cluster.local" ? { namespace, name } : undefined;
}
