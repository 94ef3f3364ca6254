import type { ApiObject, JsonObject } from "../api-object.ts";
import { defaultField, ensureRecord, listAt, recordAt, recordsAt, stringAt } from "../api-object.ts";
import { duplicate, invalidValue, notSupported, required } from "../field-cause.ts";
import type { CommitContext, Strategy } from "../resource.ts";
import type { StatusCause } from "../status-error.ts";
import { internalError } from "../status-error.ts";

/** Services: port defaults, and a cluster address of their own that no other Service has. */
export const serviceStrategy: Strategy = {
  nameRule: "dns1035",
  hasGeneration: false,
  allowsUnconditionalUpdate: true,
  decode: defaultService,
  prepareCreate(service) {
    service["status"] = { loadBalancer: {} };
  },
  prepareUpdate: keepAllocated,
  validate: validateService,
  allocate: allocateAddresses,
  fieldLabels: {
    "spec.clusterIP": (service) => stringAt(service, "spec", "clusterIP"),
    "spec.type": (service) => stringAt(service, "spec", "type"),
  },
};

const types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];

function defaultService(service: ApiObject): void {
  const spec = ensureRecord(service, "spec");
  defaultField(spec, "type", "ClusterIP");
  defaultField(spec, "sessionAffinity", "None");
  if (spec["sessionAffinity"] === "ClientIP") {
    const clientIp = ensureRecord(ensureRecord(spec, "sessionAffinityConfig"), "clientIP");
    clientIp["timeoutSeconds"] ??= 10_800;
  }
  for (const port of recordsAt(spec, "ports")) {
    defaultField(port, "protocol", "TCP");
    if (port["targetPort"] === undefined || port["targetPort"] === 0 || port["targetPort"] === "") {
      port["targetPort"] = port["port"];
    }
  }
  if (spec["type"] === "ExternalName") return;
  defaultField(spec, "internalTrafficPolicy", "Cluster");
  spec["ipFamilies"] ??= ["IPv4"];
  defaultField(spec, "ipFamilyPolicy", "SingleStack");
  if (isPublished(spec)) defaultField(spec, "externalTrafficPolicy", "Cluster");
  if (spec["type"] === "LoadBalancer") spec["allocateLoadBalancerNodePorts"] ??= true;
}

function isPublished(spec: JsonObject): boolean {
  return spec["type"] === "LoadBalancer" || spec["type"] === "NodePort";
}

// A client that sends back what it applied, without what the server filled in, keeps the addresses and node ports.
function keepAllocated(next: ApiObject, old: ApiObject): void {
  const spec = ensureRecord(next, "spec");
  const before = recordAt(old, "spec");
  if (spec["type"] === "ExternalName") return;
  if (spec["clusterIP"] === undefined || spec["clusterIP"] === "") {
    if (before["clusterIP"] !== undefined) spec["clusterIP"] = before["clusterIP"];
    if (before["clusterIPs"] !== undefined) spec["clusterIPs"] = before["clusterIPs"];
  }
  for (const port of recordsAt(spec, "ports")) {
    if (!isPublished(spec) || typeof port["nodePort"] === "number") continue;
    const same = recordsAt(before, "ports").find(
      (other) => other["port"] === port["port"] && other["protocol"] === port["protocol"],
    );
    if (typeof same?.["nodePort"] === "number") port["nodePort"] = same["nodePort"];
  }
}

function validateService(service: ApiObject, old: ApiObject | undefined): StatusCause[] {
  const spec = recordAt(service, "spec");
  const causes: StatusCause[] = [];
  const type = stringAt(spec, "type");
  if (!types.includes(type)) causes.push(notSupported("spec.type", type, types));
  const isHeadless = spec["clusterIP"] === "None";
  const ports = listAt(spec, "ports");
  if (ports.length === 0 && type !== "ExternalName" && !isHeadless) causes.push(required("spec.ports"));
  if (type === "ExternalName" && stringAt(spec, "externalName") === "") {
    causes.push(required("spec.externalName"));
  }
  causes.push(...validatePorts(ports));
  const before = stringAt(old, "spec", "clusterIP");
  const isStillAddressed = type !== "ExternalName" && stringAt(old, "spec", "type") !== "ExternalName";
  if (old !== undefined && before !== "" && isStillAddressed && spec["clusterIP"] !== before) {
    causes.push(invalidValue("spec.clusterIPs[0]", [spec["clusterIP"]], "may not change once set"));
  }
  return causes;
}

function validatePorts(ports: readonly unknown[]): StatusCause[] {
  const causes: StatusCause[] = [];
  const names = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const at = `spec.ports[${index}]`;
    const number = recordAt(port)["port"];
    if (typeof number !== "number" || !Number.isInteger(number) || number < 1 || number > 65_535) {
      causes.push(invalidValue(`${at}.port`, number ?? 0, "must be between 1 and 65535, inclusive"));
    }
    const name = stringAt(port, "name");
    if (name === "" && ports.length > 1) causes.push(required(`${at}.name`));
    else if (name !== "" && names.has(name)) causes.push(duplicate(`${at}.name`, name));
    names.add(name);
  }
  return causes;
}

/** The address of the API server itself inside the cluster. */
export const kubernetesServiceAddress = "10.96.0.1";
const serviceAddressPattern = /^10\.96\.\d{1,3}\.\d{1,3}$/;

function allocateAddresses(service: ApiObject, _old: ApiObject | undefined, { store }: CommitContext): void {
  const spec = recordAt(service, "spec");
  if (spec["type"] === "ExternalName") {
    delete spec["clusterIP"];
    delete spec["clusterIPs"];
    return;
  }
  const others = store
    .list("/services")
    .filter(
      ({ metadata }) => metadata.name !== service.metadata.name || metadata.namespace !== service.metadata.namespace,
    );
  const asked = stringAt(spec, "clusterIP");
  if (asked !== "None") {
    const taken = new Set(others.map((other) => stringAt(other, "spec", "clusterIP")));
    if (service.metadata.name !== "kubernetes" || service.metadata.namespace !== "default")
      taken.add(kubernetesServiceAddress);
    spec["clusterIP"] = asked === "" ? freeAddress(taken) : checkAddress(asked, taken);
  }
  spec["clusterIPs"] = [spec["clusterIP"]];
  if (isPublished(spec)) allocateNodePorts(spec, others);
}

function checkAddress(address: string, taken: ReadonlySet<string>): string {
  if (!serviceAddressPattern.test(address)) {
    throw internalError(`failed to allocate IP ${address}: the provided IP is not in the valid range 10.96.0.0/16`);
  }
  if (taken.has(address)) throw internalError(`failed to allocate IP ${address}: provided IP is already allocated`);
  return address;
}

function freeAddress(taken: ReadonlySet<string>): string {
  // Low addresses are left to those who ask for a fixed one, as upstream does.
  for (let host = 256; host < 65_535; host++) {
    const address = `10.96.${host >> 8}.${host & 255}`;
    if ((host & 255) !== 0 && (host & 255) !== 255 && !taken.has(address)) return address;
  }
  throw internalError("failed to allocate a serviceIP: range is full");
}

const nodePortMin = 30_000;
const nodePortMax = 32_767;

function allocateNodePorts(spec: JsonObject, others: readonly ApiObject[]): void {
  if (spec["type"] === "LoadBalancer" && spec["allocateLoadBalancerNodePorts"] === false) return;
  const taken = new Set(others.flatMap((other) => recordsAt(other, "spec", "ports")).map((port) => port["nodePort"]));
  for (const port of recordsAt(spec, "ports")) {
    if (typeof port["nodePort"] === "number" && port["nodePort"] > 0) continue;
    let candidate = nodePortMin;
    while (taken.has(candidate) && candidate < nodePortMax) candidate += 1;
    if (taken.has(candidate)) throw internalError("failed to allocate a nodePort: range is full");
    taken.add(candidate);
    port["nodePort"] = candidate;
  }
}
