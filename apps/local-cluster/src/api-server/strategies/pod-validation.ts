import type { ApiObject, JsonObject } from "../api-object.ts";
import { equalJson, isRecord, listAt, recordAt, recordsAt, stringAt } from "../api-object.ts";
import { duplicate, forbiddenField, invalidValue, notSupported, required } from "../field-cause.ts";
import type { StatusCause } from "../status-error.ts";

const namePattern = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const nameText =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

/** What must hold of any PodSpec, in a Pod or in a template, for the node to be able to run it. */
export function validatePodSpec(spec: JsonObject, at: string): StatusCause[] {
  const causes: StatusCause[] = [];
  const containers = listAt(spec, "containers");
  if (containers.length === 0) causes.push(required(`${at}.containers`));
  const policy = stringAt(spec, "restartPolicy");
  if (!["Always", "OnFailure", "Never"].includes(policy)) {
    causes.push(notSupported(`${at}.restartPolicy`, policy, ["Always", "OnFailure", "Never"]));
  }
  const volumeNames = new Set(recordsAt(spec, "volumes").map((volume) => stringAt(volume, "name")));
  const seen = new Set<string>();
  for (const list of ["initContainers", "containers"]) {
    for (const [index, container] of listAt(spec, list).entries()) {
      causes.push(...validateContainer(recordAt(container), { at: `${at}.${list}[${index}]`, volumeNames, seen }));
    }
  }
  return causes;
}

interface ContainerPlace {
  readonly at: string;
  readonly volumeNames: ReadonlySet<string>;
  readonly seen: Set<string>;
}

function validateContainer(container: JsonObject, { at, volumeNames, seen }: ContainerPlace): StatusCause[] {
  const causes: StatusCause[] = [];
  const name = stringAt(container, "name");
  if (name === "") causes.push(required(`${at}.name`));
  else if (!namePattern.test(name)) causes.push(invalidValue(`${at}.name`, name, nameText));
  else if (seen.has(name)) causes.push(duplicate(`${at}.name`, name));
  seen.add(name);
  if (stringAt(container, "image") === "") causes.push(required(`${at}.image`));
  for (const [index, variable] of listAt(container, "env").entries()) {
    if (stringAt(variable, "name") === "") causes.push(required(`${at}.env[${index}].name`));
  }
  return [...causes, ...validatePorts(container, at), ...validateMounts(container, { at, volumeNames })];
}

function validatePorts(container: JsonObject, at: string): StatusCause[] {
  const causes: StatusCause[] = [];
  for (const [index, port] of recordsAt(container, "ports").entries()) {
    const number = port["containerPort"];
    if (typeof number === "number" && Number.isInteger(number) && number >= 1 && number <= 65_535) continue;
    const detail = "must be between 1 and 65535, inclusive";
    causes.push(invalidValue(`${at}.ports[${index}].containerPort`, number ?? 0, detail));
  }
  return causes;
}

function validateMounts(container: JsonObject, { at, volumeNames }: Omit<ContainerPlace, "seen">): StatusCause[] {
  const causes: StatusCause[] = [];
  for (const [index, mount] of recordsAt(container, "volumeMounts").entries()) {
    const volume = stringAt(mount, "name");
    if (volumeNames.has(volume)) continue;
    const message = `Not found: ${JSON.stringify(volume)}`;
    causes.push({ reason: "FieldValueNotFound", message, field: `${at}.volumeMounts[${index}].name` });
  }
  return causes;
}

const mutableFields = new Set([
  "activeDeadlineSeconds",
  "tolerations",
  "terminationGracePeriodSeconds",
  "nodeName",
  "schedulingGates",
]);

/** A Pod's spec stays as it was made, but for images, deadlines, tolerations and the node it is bound to. */
export function validatePodUpdate(next: ApiObject, old: ApiObject): StatusCause[] {
  const before = recordAt(old, "spec");
  const after = recordAt(next, "spec");
  const isMoved = stringAt(before, "nodeName") !== "" && before["nodeName"] !== after["nodeName"];
  if (!isMoved && equalJson(fixedPart(before), fixedPart(after))) return [];
  return [
    forbiddenField(
      "spec",
      "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
    ),
  ];
}

function fixedPart(spec: JsonObject): JsonObject {
  const fixed: JsonObject = {};
  for (const [field, value] of Object.entries(spec)) if (!mutableFields.has(field)) fixed[field] = value;
  for (const list of ["containers", "initContainers"]) {
    const containers = fixed[list];
    if (Array.isArray(containers)) fixed[list] = containers.map(withoutImage);
  }
  return fixed;
}

function withoutImage(container: unknown): unknown {
  return isRecord(container) ? { ...container, image: "" } : container;
}
