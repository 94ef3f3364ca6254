import type { ApiObject, JsonObject } from "../api-object.ts";
import { listAt, numberAt, recordAt, recordsAt, stringAt } from "../api-object.ts";
import type { Column } from "../resource.ts";
import { ageColumn, ageText, durationText, nameColumn } from "./columns.ts";
import { podColumns } from "./pod-columns.ts";
import { labelSelectorText } from "./selectors.ts";

// The columns of the built-in kinds, as kubectl's users know them.

const none = "<none>";

function text(name: string, cell: (object: ApiObject, now: Date) => unknown): Column {
  return { name, type: "string", cell: (object, now) => cell(object, now) ?? none };
}

function count(name: string, cell: (object: ApiObject) => number | undefined): Column {
  return { name, type: "integer", cell: (object) => cell(object) ?? 0 };
}

function wide(column: Column): Column {
  return { ...column, priority: 1 };
}

function joined(values: readonly unknown[]): string {
  return values.length === 0 ? none : values.map(String).join(",");
}

function orNone(value: string): string {
  return value === "" ? none : value;
}

export const nameAndAge: readonly Column[] = [nameColumn, ageColumn];

export const pods = podColumns;

export const configMaps: readonly Column[] = [
  nameColumn,
  count("Data", (object) => Object.keys({ ...recordAt(object, "data"), ...recordAt(object, "binaryData") }).length),
  ageColumn,
];

export const secrets: readonly Column[] = [
  nameColumn,
  text("Type", (secret) => stringAt(secret, "type")),
  count("Data", (secret) => Object.keys(recordAt(secret, "data")).length),
  ageColumn,
];

export const serviceAccounts: readonly Column[] = [
  nameColumn,
  count("Secrets", (account) => listAt(account, "secrets").length),
  ageColumn,
];

export const namespaces: readonly Column[] = [
  nameColumn,
  text("Status", (namespace) => stringAt(namespace, "status", "phase")),
  ageColumn,
];

export const nodes: readonly Column[] = [
  nameColumn,
  text("Status", nodeStatus),
  text("Roles", (node) =>
    joined(
      Object.keys(node.metadata.labels ?? {})
        .filter((label) => label.startsWith("node-role.kubernetes.io/"))
        .map((label) => label.slice("node-role.kubernetes.io/".length)),
    ),
  ),
  ageColumn,
  text("Version", (node) => stringAt(node, "status", "nodeInfo", "kubeletVersion")),
  wide(text("Internal-IP", (node) => nodeAddress(node, "InternalIP"))),
  wide(text("External-IP", (node) => nodeAddress(node, "ExternalIP"))),
  wide(text("OS-Image", (node) => stringAt(node, "status", "nodeInfo", "osImage"))),
  wide(text("Kernel-Version", (node) => stringAt(node, "status", "nodeInfo", "kernelVersion"))),
  wide(text("Container-Runtime", (node) => stringAt(node, "status", "nodeInfo", "containerRuntimeVersion"))),
];

function nodeStatus(node: ApiObject): string {
  const ready = recordsAt(node, "status", "conditions").find((condition) => condition["type"] === "Ready");
  const status = ready === undefined ? "Unknown" : ready["status"] === "True" ? "Ready" : "NotReady";
  return recordAt(node, "spec")["unschedulable"] === true ? `${status},SchedulingDisabled` : status;
}

function nodeAddress(node: ApiObject, type: string): string {
  const found = recordsAt(node, "status", "addresses").find((address) => address["type"] === type);
  return orNone(stringAt(found, "address"));
}

export const services: readonly Column[] = [
  nameColumn,
  text("Type", (service) => stringAt(service, "spec", "type")),
  text("Cluster-IP", (service) => orNone(stringAt(service, "spec", "clusterIP"))),
  text("External-IP", externalAddress),
  text("Port(s)", (service) => joined(recordsAt(service, "spec", "ports").map(portText))),
  ageColumn,
  wide(text("Selector", (service) => selectorText(recordAt(service, "spec", "selector")))),
];

function externalAddress(service: ApiObject): string {
  const spec = recordAt(service, "spec");
  if (spec["type"] === "ExternalName") return stringAt(spec, "externalName");
  const published = recordsAt(service, "status", "loadBalancer", "ingress");
  const addresses = published.map((ingress) => stringAt(ingress, "ip") || stringAt(ingress, "hostname"));
  const all = [...addresses, ...listAt(spec, "externalIPs")];
  if (all.length > 0) return joined(all);
  return spec["type"] === "LoadBalancer" ? "<pending>" : none;
}

function portText(port: JsonObject): string {
  const node = numberAt(port, "nodePort");
  return `${numberAt(port, "port") ?? 0}${node === undefined ? "" : `:${node}`}/${stringAt(port, "protocol")}`;
}

function selectorText(labels: JsonObject): string {
  return joined(Object.entries(labels).map(([key, value]) => `${key}=${String(value)}`));
}

export const endpoints: readonly Column[] = [
  nameColumn,
  text("Endpoints", (object) =>
    shortened(
      recordsAt(object, "subsets").flatMap((subset) =>
        recordsAt(subset, "addresses").flatMap(({ ip }) =>
          recordsAt(subset, "ports").map(({ port }) => `${String(ip)}:${String(port)}`),
        ),
      ),
    ),
  ),
  ageColumn,
];

export const endpointSlices: readonly Column[] = [
  nameColumn,
  text("AddressType", (slice) => stringAt(slice, "addressType")),
  text("Ports", (slice) =>
    shortened(
      recordsAt(slice, "ports").map((port) => port["port"] ?? "*"),
      "<unset>",
    ),
  ),
  text("Endpoints", (slice) =>
    shortened(
      recordsAt(slice, "endpoints").flatMap((endpoint) => listAt(endpoint, "addresses")),
      "<unset>",
    ),
  ),
  ageColumn,
];

/** The first three, and how many more there are. */
function shortened(values: readonly unknown[], empty = none): string {
  if (values.length === 0) return empty;
  const rest = values.length - 3;
  return `${values.slice(0, 3).map(String).join(",")}${rest > 0 ? ` + ${rest} more...` : ""}`;
}

export const events: readonly Column[] = [
  text("Last Seen", (event, now) => ageText(lastSeen(event), now)),
  text("Type", (event) => stringAt(event, "type")),
  text("Reason", (event) => stringAt(event, "reason")),
  text("Object", (event) => {
    const { kind, name } = recordAt(event, "involvedObject");
    return `${String(kind).toLowerCase()}/${String(name)}`;
  }),
  wide(text("Subobject", (event) => stringAt(event, "involvedObject", "fieldPath"))),
  wide(text("Source", (event) => joined(sourceOf(event)))),
  text("Message", (event) => stringAt(event, "message").trim()),
  wide(text("First Seen", (event, now) => ageText(firstSeen(event), now))),
  wide(count("Count", (event) => numberAt(event, "series", "count") ?? numberAt(event, "count") ?? 1)),
  wide(nameColumn),
];

function sourceOf(event: ApiObject): string[] {
  const component = stringAt(event, "source", "component") || stringAt(event, "reportingComponent");
  return [component, stringAt(event, "source", "host")].filter((part) => part !== "");
}

function firstSeen(event: ApiObject): string | undefined {
  return stringAt(event, "firstTimestamp") || stringAt(event, "eventTime") || event.metadata.creationTimestamp;
}

function lastSeen(event: ApiObject): string | undefined {
  const times = [
    stringAt(event, "series", "lastObservedTime"),
    stringAt(event, "lastTimestamp"),
    stringAt(event, "eventTime"),
    event.metadata.creationTimestamp,
  ];
  return times.find((time) => time !== "" && time !== undefined);
}

export const webhooks: readonly Column[] = [
  nameColumn,
  count("Webhooks", (configuration) => listAt(configuration, "webhooks").length),
  ageColumn,
];

export const crds: readonly Column[] = [
  nameColumn,
  { name: "Created At", type: "date", cell: (crd) => crd.metadata.creationTimestamp },
];

const templateColumns: readonly Column[] = [
  wide(text("Containers", (object) => joined(containersOf(object).map((container) => stringAt(container, "name"))))),
  wide(text("Images", (object) => joined(containersOf(object).map((container) => stringAt(container, "image"))))),
  wide(text("Selector", (object) => orNone(labelSelectorText(recordAt(object, "spec")["selector"])))),
];

function containersOf(object: ApiObject): JsonObject[] {
  return recordsAt(object, "spec", "template", "spec", "containers");
}

function status(object: ApiObject, field: string): number {
  return numberAt(object, "status", field) ?? 0;
}

export const deployments: readonly Column[] = [
  nameColumn,
  text("Ready", (object) => `${status(object, "readyReplicas")}/${numberAt(object, "spec", "replicas") ?? 0}`),
  count("Up-to-date", (object) => status(object, "updatedReplicas")),
  count("Available", (object) => status(object, "availableReplicas")),
  ageColumn,
  ...templateColumns,
];

export const replicaSets: readonly Column[] = [
  nameColumn,
  count("Desired", (object) => numberAt(object, "spec", "replicas")),
  count("Current", (object) => status(object, "replicas")),
  count("Ready", (object) => status(object, "readyReplicas")),
  ageColumn,
  ...templateColumns,
];

export const jobs: readonly Column[] = [
  nameColumn,
  text("Status", jobStatus),
  text("Completions", jobCompletions),
  { name: "Duration", type: "string", cell: jobDuration },
  ageColumn,
  ...templateColumns,
];

function jobStatus(job: ApiObject): string {
  const conditions = recordsAt(job, "status", "conditions");
  const has = (wanted: string): boolean =>
    conditions.some((condition) => condition["type"] === wanted && condition["status"] === "True");
  if (has("Complete")) return "Complete";
  if (has("Failed")) return "Failed";
  if (job.metadata.deletionTimestamp !== undefined) return "Terminating";
  return ["Suspended", "FailureTarget", "SuccessCriteriaMet"].find(has) ?? "Running";
}

function jobCompletions(job: ApiObject): string {
  const succeeded = status(job, "succeeded");
  const completions = numberAt(job, "spec", "completions");
  if (completions !== undefined) return `${succeeded}/${completions}`;
  const parallelism = numberAt(job, "spec", "parallelism") ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function jobDuration(job: ApiObject, now: Date): string {
  const startTime = stringAt(job, "status", "startTime");
  if (startTime === "") return "";
  const end = stringAt(job, "status", "completionTime");
  const endMs = end === "" ? now.getTime() : Date.parse(end);
  return durationText(Math.max(0, Math.floor((endMs - Date.parse(startTime)) / 1000)));
}

export const hpas: readonly Column[] = [
  nameColumn,
  text(
    "Reference",
    (hpa) => `${stringAt(hpa, "spec", "scaleTargetRef", "kind")}/${stringAt(hpa, "spec", "scaleTargetRef", "name")}`,
  ),
  text("Targets", () => "<unknown>"),
  text("MinPods", (hpa) => String(numberAt(hpa, "spec", "minReplicas") ?? 1)),
  count("MaxPods", (hpa) => numberAt(hpa, "spec", "maxReplicas")),
  count("Replicas", (hpa) => status(hpa, "currentReplicas")),
  ageColumn,
];

export const leases: readonly Column[] = [
  nameColumn,
  text("Holder", (lease) => orNone(stringAt(lease, "spec", "holderIdentity"))),
  ageColumn,
];

export const networkPolicies: readonly Column[] = [
  nameColumn,
  text("Pod-Selector", (policy) => orNone(labelSelectorText(recordAt(policy, "spec")["podSelector"]))),
  ageColumn,
];

export const ingresses: readonly Column[] = [
  nameColumn,
  text("Class", (ingress) => orNone(stringAt(ingress, "spec", "ingressClassName"))),
  text("Hosts", (ingress) => {
    const hosts = recordsAt(ingress, "spec", "rules").map((rule) => stringAt(rule, "host"));
    return hosts.filter((host) => host !== "").join(",") || "*";
  }),
  text("Address", (ingress) => {
    const points = recordsAt(ingress, "status", "loadBalancer", "ingress");
    return points.map((point) => stringAt(point, "ip") || stringAt(point, "hostname")).join(",");
  }),
  text("Ports", (ingress) => (recordsAt(ingress, "spec", "tls").length > 0 ? "80, 443" : "80")),
  ageColumn,
];

export const ingressClasses: readonly Column[] = [
  nameColumn,
  text("Controller", (ingressClass) => stringAt(ingressClass, "spec", "controller")),
  text("Parameters", (ingressClass) => {
    const { kind, name } = recordAt(ingressClass, "spec", "parameters");
    return typeof kind === "string" && typeof name === "string" ? `${kind}/${name}` : "<none>";
  }),
  ageColumn,
];

export const pdbs: readonly Column[] = [
  nameColumn,
  text("Min Available", (pdb) => intOrString(recordAt(pdb, "spec")["minAvailable"])),
  text("Max Unavailable", (pdb) => intOrString(recordAt(pdb, "spec")["maxUnavailable"])),
  count("Allowed Disruptions", (pdb) => status(pdb, "disruptionsAllowed")),
  ageColumn,
];

function intOrString(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "N/A";
}

export const roles: readonly Column[] = [
  nameColumn,
  { name: "Created At", type: "date", cell: (role) => role.metadata.creationTimestamp },
];

function subjects(binding: ApiObject, kind: string): string {
  const found = recordsAt(binding, "subjects").filter((subject) => subject["kind"] === kind);
  const names = found.map((subject) =>
    kind === "ServiceAccount"
      ? `${stringAt(subject, "namespace")}/${stringAt(subject, "name")}`
      : stringAt(subject, "name"),
  );
  return names.join(", ");
}

export const roleBindings: readonly Column[] = [
  nameColumn,
  text("Role", (binding) => `${stringAt(binding, "roleRef", "kind")}/${stringAt(binding, "roleRef", "name")}`),
  ageColumn,
  wide(text("Users", (binding) => subjects(binding, "User"))),
  wide(text("Groups", (binding) => subjects(binding, "Group"))),
  wide(text("ServiceAccounts", (binding) => subjects(binding, "ServiceAccount"))),
];

export const priorityClasses: readonly Column[] = [
  nameColumn,
  count("Value", (priorityClass) => numberAt(priorityClass, "value")),
  text("Global-Default", (priorityClass) => String(priorityClass["globalDefault"] === true)),
  ageColumn,
];
