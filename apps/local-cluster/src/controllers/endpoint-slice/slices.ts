import { createHash } from "node:crypto";
import { CoreService, type EndpointSlice, type Pod } from "@kelvin/kube";
import { safeEncode } from "../generated-name.ts";
import { makeControllerReference } from "../ownership.ts";
import { isPodReady, isPodTerminal } from "../pods.ts";

export const serviceNameLabel = "kubernetes.io/service-name";
export const managedByLabel = "endpointslice.kubernetes.io/managed-by";
export const controllerName = "endpointslice-controller.k8s.io";
const headlessLabel = "service.kubernetes.io/headless";
const endpointsPerSliceMax = 100;

type Endpoint = NonNullable<EndpointSlice["endpoints"]>[number];
type Port = NonNullable<EndpointSlice["ports"]>[number];

/** The slices that must be written and those that must go; the others are right as they are. */
export interface SlicePlan {
  readonly create: EndpointSlice[];
  readonly update: EndpointSlice[];
  readonly remove: EndpointSlice[];
}

/** Pods that resolve a Service's ports to the same numbers share slices. */
interface PortGroup {
  readonly ports: Port[];
  readonly endpoints: Map<string, Endpoint>;
}

/**
 * What the slices of a Service must become. Endpoints stay in the slice they are in, so a change of one pod is a write
 * of one slice; slices without endpoints go, but for one that says that there are none.
 */
export function decideSlices(
  service: CoreService,
  pods: readonly Pod[],
  existing: readonly EndpointSlice[],
): SlicePlan {
  const plan: SlicePlan = { create: [], update: [], remove: [] };
  const groups = groupByPorts(service, pods);
  const unclaimed = new Set(existing);
  for (const [portsKey, group] of groups) {
    const own = existing.filter((slice) => unclaimed.has(slice) && portsKeyOf(slice.ports ?? []) === portsKey);
    for (const slice of own) unclaimed.delete(slice);
    planGroup(plan, own, { service, portsKey, group });
  }
  plan.remove.push(...unclaimed);
  return plan;
}

function groupByPorts(service: CoreService, pods: readonly Pod[]): Map<string, PortGroup> {
  const groups = new Map<string, PortGroup>();
  for (const pod of pods) {
    if (isPodTerminal(pod) || (pod.status?.podIP ?? "") === "") continue;
    const ports = resolvePorts(service, pod);
    const key = portsKeyOf(ports);
    const group = groups.get(key) ?? { ports, endpoints: new Map<string, Endpoint>() };
    groups.set(key, group);
    group.endpoints.set(pod.metadata.uid ?? "", makeEndpoint(service, pod));
  }
  if (groups.size === 0) {
    const ports = numberedPorts(service);
    groups.set(portsKeyOf(ports), { ports, endpoints: new Map() });
  }
  return groups;
}

/** A named target port is looked up in each pod; one that the pod does not have is left out. */
function resolvePorts(service: CoreService, pod: Pod): Port[] {
  return (service.spec?.ports ?? []).flatMap((port) => {
    const target = port.targetPort ?? port.port;
    const number = typeof target === "number" ? target : namedPort(pod, target, port.protocol ?? "TCP");
    return number === undefined ? [] : [makePort(port, number)];
  });
}

function numberedPorts(service: CoreService): Port[] {
  return (service.spec?.ports ?? []).flatMap((port) => {
    const target = port.targetPort ?? port.port;
    return typeof target === "number" ? [makePort(port, target)] : [];
  });
}

function namedPort(pod: Pod, name: string, protocol: string): number | undefined {
  const sidecars = (pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  for (const container of [...(pod.spec?.containers ?? []), ...sidecars]) {
    const found = container.ports?.find((port) => port.name === name && (port.protocol ?? "TCP") === protocol);
    if (found !== undefined) return found.containerPort;
  }
  return undefined;
}

function makePort(
  { name = "", protocol = "TCP", appProtocol }: { name?: string; protocol?: string; appProtocol?: string },
  port: number,
): Port {
  return { name, protocol, port, ...(appProtocol !== undefined && { appProtocol }) };
}

function portsKeyOf(ports: readonly Port[]): string {
  return JSON.stringify(ports.map(({ name = "", protocol, port, appProtocol }) => [name, protocol, port, appProtocol]));
}

function makeEndpoint(service: CoreService, pod: Pod): Endpoint {
  const serving = isPodReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const ready = service.spec?.publishNotReadyAddresses === true || (serving && !terminating);
  const { namespace = "", name = "", uid = "" } = pod.metadata;
  const nodeName = pod.spec?.nodeName;
  const hostname = hostnameIn(service, pod);
  return {
    addresses: [pod.status?.podIP ?? ""],
    conditions: { ready, serving, terminating },
    targetRef: { kind: "Pod", namespace, name, uid },
    ...(nodeName !== undefined && { nodeName }),
    ...(hostname !== undefined && { hostname }),
  };
}

/** The name a pod has below its Service, if it is the subdomain the pod asks for. */
function hostnameIn(service: CoreService, pod: Pod): string | undefined {
  const { hostname, subdomain } = pod.spec ?? {};
  return hostname !== "" && subdomain === service.metadata.name ? hostname : undefined;
}

interface GroupPlan {
  readonly service: CoreService;
  readonly portsKey: string;
  readonly group: PortGroup;
}

function planGroup(plan: SlicePlan, existing: readonly EndpointSlice[], { service, portsKey, group }: GroupPlan): void {
  const unplaced = new Map(group.endpoints);
  const kept = existing.map((slice) => ({ slice, endpoints: takeKept(slice, unplaced) }));
  const waiting = [...unplaced.values()];
  for (const entry of kept) entry.endpoints.push(...waiting.splice(0, endpointsPerSliceMax - entry.endpoints.length));

  const mayBeEmpty = group.endpoints.size === 0;
  for (const [index, { slice, endpoints }] of kept.entries()) {
    if (endpoints.length === 0 && !(mayBeEmpty && index === 0)) plan.remove.push(slice);
    else plan.update.push({ ...slice, metadata: sliceMetadata(service, slice.metadata), endpoints });
  }
  const taken = new Set(existing.map(({ metadata }) => metadata.name));
  for (let index = 0; waiting.length > 0 || (mayBeEmpty && existing.length === 0 && index === 0); index += 1) {
    const name = sliceName(service, portsKey, index);
    if (taken.has(name)) continue;
    const endpoints = waiting.splice(0, endpointsPerSliceMax);
    plan.create.push(makeSlice(service, { name, ports: group.ports, endpoints }));
  }
}

/** The endpoints of the slice that still exist, as they are now; they are struck off the unplaced. */
function takeKept(slice: EndpointSlice, unplaced: Map<string, Endpoint>): Endpoint[] {
  const kept: Endpoint[] = [];
  for (const { targetRef } of slice.endpoints ?? []) {
    const uid = targetRef?.uid ?? "";
    const endpoint = unplaced.get(uid);
    if (endpoint === undefined) continue;
    kept.push(endpoint);
    unplaced.delete(uid);
  }
  return kept;
}

/** A function of Service, ports and index, so that a repeated create is the same slice and never a second one. */
function sliceName(service: CoreService, portsKey: string, index: number): string {
  const digest = createHash("sha256")
    .update(`${service.metadata.uid ?? ""} ${portsKey} ${index}`)
    .digest();
  return `${(service.metadata.name ?? "").slice(0, 57)}-${safeEncode(digest, 5)}`;
}

function makeSlice(
  service: CoreService,
  { name, ports, endpoints }: { name: string; ports: Port[]; endpoints: Endpoint[] },
): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: sliceMetadata(service, {
      name,
      generateName: `${service.metadata.name ?? ""}-`,
      ...(service.metadata.namespace !== undefined && { namespace: service.metadata.namespace }),
      ownerReferences: [makeControllerReference(CoreService, service)],
    }),
    addressType: "IPv4",
    ports,
    endpoints,
  };
}

function sliceMetadata(service: CoreService, metadata: EndpointSlice["metadata"]): EndpointSlice["metadata"] {
  return {
    ...metadata,
    labels: {
      ...service.metadata.labels,
      [serviceNameLabel]: service.metadata.name ?? "",
      [managedByLabel]: controllerName,
      ...(service.spec?.clusterIP === "None" && { [headlessLabel]: "" }),
    },
  };
}
