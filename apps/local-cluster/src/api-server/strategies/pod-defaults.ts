import type { JsonObject } from "../api-object.ts";
import { defaultField, ensureRecord, isRecord, listAt, recordAt, recordsAt, stringAt } from "../api-object.ts";

// Defaults exactly as upstream's: controllers compare the pods they want with what the server returned, field by field.

/** Fills a PodSpec in place, as in a Pod or a pod template. */
export function defaultPodSpec(spec: JsonObject): void {
  defaultField(spec, "restartPolicy", "Always");
  defaultField(spec, "dnsPolicy", "ClusterFirst");
  defaultField(spec, "schedulerName", "default-scheduler");
  defaultField(spec, "securityContext", {});
  if (spec["terminationGracePeriodSeconds"] === undefined) spec["terminationGracePeriodSeconds"] = 30;
  mirrorServiceAccount(spec);
  for (const container of [...recordsAt(spec, "initContainers"), ...recordsAt(spec, "containers")]) {
    defaultContainer(container, spec["hostNetwork"] === true);
  }
  for (const volume of recordsAt(spec, "volumes")) defaultVolume(volume);
}

// `serviceAccount` is the old name of the field; Kubernetes keeps both alike.
function mirrorServiceAccount(spec: JsonObject): void {
  const name = stringAt(spec, "serviceAccountName") || stringAt(spec, "serviceAccount");
  if (name === "") return;
  spec["serviceAccountName"] = name;
  spec["serviceAccount"] = name;
}

function defaultContainer(container: JsonObject, isHostNetwork: boolean): void {
  defaultField(container, "terminationMessagePath", "/dev/termination-log");
  defaultField(container, "terminationMessagePolicy", "File");
  defaultField(container, "imagePullPolicy", defaultPullPolicy(stringAt(container, "image")));
  const resources = ensureRecord(container, "resources");
  for (const port of recordsAt(container, "ports")) {
    defaultField(port, "protocol", "TCP");
    if (isHostNetwork && port["hostPort"] === undefined) port["hostPort"] = port["containerPort"];
  }
  for (const probe of ["startupProbe", "readinessProbe", "livenessProbe"]) defaultProbe(container[probe]);
  for (const hook of ["postStart", "preStop"]) defaultHttpGet(recordAt(container, "lifecycle", hook)["httpGet"]);
  for (const variable of recordsAt(container, "env")) defaultFieldRef(recordAt(variable, "valueFrom")["fieldRef"]);
  defaultRequests(resources);
}

function defaultPullPolicy(image: string): string {
  if (image.includes("@")) return "IfNotPresent";
  const tag = /:([^:/]+)$/.exec(image)?.[1] ?? "latest";
  return tag === "latest" ? "Always" : "IfNotPresent";
}

function defaultRequests(resources: JsonObject): void {
  const limits = resources["limits"];
  if (!isRecord(limits) || Object.keys(limits).length === 0) return;
  const requests = ensureRecord(resources, "requests");
  for (const [name, quantity] of Object.entries(limits)) requests[name] ??= quantity;
}

function defaultProbe(probe: unknown): void {
  if (!isRecord(probe)) return;
  for (const [field, value] of [
    ["timeoutSeconds", 1],
    ["periodSeconds", 10],
    ["successThreshold", 1],
    ["failureThreshold", 3],
  ] as const) {
    if (probe[field] === undefined || probe[field] === 0) probe[field] = value;
  }
  defaultHttpGet(probe["httpGet"]);
  if (isRecord(probe["grpc"]) && probe["grpc"]["service"] === undefined) probe["grpc"]["service"] = "";
}

function defaultHttpGet(httpGet: unknown): void {
  if (!isRecord(httpGet)) return;
  defaultField(httpGet, "path", "/");
  defaultField(httpGet, "scheme", "HTTP");
}

function defaultFieldRef(fieldRef: unknown): void {
  if (isRecord(fieldRef)) defaultField(fieldRef, "apiVersion", "v1");
}

const defaultMode = 420;

function defaultVolume(volume: JsonObject): void {
  if (Object.keys(volume).every((field) => field === "name")) volume["emptyDir"] = {};
  for (const source of ["secret", "configMap", "downwardAPI", "projected"]) {
    const found = volume[source];
    if (isRecord(found) && found["defaultMode"] === undefined) found["defaultMode"] = defaultMode;
  }
  if (isRecord(volume["hostPath"]) && volume["hostPath"]["type"] === undefined) volume["hostPath"]["type"] = "";
  for (const item of recordsAt(volume, "downwardAPI", "items")) defaultFieldRef(item["fieldRef"]);
  for (const source of listAt(volume, "projected", "sources")) defaultProjection(source);
}

function defaultProjection(source: unknown): void {
  const token = recordAt(source)["serviceAccountToken"];
  if (isRecord(token)) token["expirationSeconds"] ??= 3600;
  for (const item of recordsAt(source, "downwardAPI", "items")) defaultFieldRef(item["fieldRef"]);
}
