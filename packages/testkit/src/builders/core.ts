import { ConfigMap, CoreService, Deployment, EndpointSlice, Lease, Namespace, Pod, Secret } from "@kelvin/kube";
import { baseOf, changed } from "./change.ts";
import type { Change } from "./change.ts";

/** A Pod with one container, not scheduled yet. */
export function pod(name: string, ...changes: Change<Pod>[]): Pod {
  const containers = [{ name: "user-container", image: "dev.local/hello" }];
  return changed({ ...baseOf(Pod, name), spec: { containers } }, changes);
}

/** Makes a Pod run and be Ready at this address, with its user container's port. */
export function readyAt(podIP: string, containerPort = 8080): Change<Pod> {
  return (built) => {
    const [container] = built.spec?.containers ?? [];
    if (container !== undefined) container.ports = [{ name: "user-port", containerPort }];
    const conditions = [{ type: "Ready", status: "True" }];
    built.status = { ...built.status, phase: "Running", podIP, podIPs: [{ ip: podIP }], conditions };
  };
}

/** A Deployment of one replica. */
export function deployment(name: string, ...changes: Change<Deployment>[]): Deployment {
  const labels = { app: name };
  const template = {
    metadata: { labels },
    spec: { containers: [{ name: "user-container", image: "dev.local/hello" }] },
  };
  const spec = { replicas: 1, selector: { matchLabels: labels }, template };
  return changed({ ...baseOf(Deployment, name), spec }, changes);
}

/** A ConfigMap with these entries. */
export function configMap(name: string, entries: Record<string, string>, ...changes: Change<ConfigMap>[]): ConfigMap {
  return changed({ ...baseOf(ConfigMap, name), data: entries }, changes);
}

/** An opaque Secret; values are given plain. */
export function secret(name: string, entries: Record<string, string>, ...changes: Change<Secret>[]): Secret {
  const encoded = Object.entries(entries).map(([key, value]) => [key, Buffer.from(value).toString("base64")] as const);
  return changed({ ...baseOf(Secret, name), type: "Opaque", data: Object.fromEntries(encoded) }, changes);
}

/** A core Service of port 80. */
export function coreService(name: string, ...changes: Change<CoreService>[]): CoreService {
  const spec = { selector: { app: name }, ports: [{ name: "http", port: 80, targetPort: 8080, protocol: "TCP" }] };
  return changed({ ...baseOf(CoreService, name), spec }, changes);
}

/** An active Namespace. */
export function namespace(name: string, ...changes: Change<Namespace>[]): Namespace {
  return changed({ ...baseOf(Namespace, name), status: { phase: "Active" } }, changes);
}

/** An EndpointSlice of a Service with these ready addresses. */
export function endpointSlice(
  service: string,
  addresses: readonly string[],
  ...changes: Change<EndpointSlice>[]
): EndpointSlice {
  const base = baseOf(EndpointSlice, `${service}-slice`);
  base.metadata.labels = { "kubernetes.io/service-name": service };
  const endpoints = addresses.map((address) => ({ addresses: [address], conditions: { ready: true } }));
  const ports = [{ name: "http", port: 8080, protocol: "TCP" }];
  return changed({ ...base, addressType: "IPv4", endpoints, ports }, changes);
}

/** A Lease that this identity holds. */
export function lease(name: string, holderIdentity: string, ...changes: Change<Lease>[]): Lease {
  const renewTime = "2026-01-01T00:00:00.000000Z";
  const spec = { holderIdentity, leaseDurationSeconds: 15, renewTime, acquireTime: renewTime, leaseTransitions: 0 };
  return changed({ ...baseOf(Lease, name), spec }, changes);
}
