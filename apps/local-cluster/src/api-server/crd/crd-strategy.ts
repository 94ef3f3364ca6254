import type { ApiObject, JsonObject } from "../api-object.ts";
import { defaultField, ensureRecord, isRecord, recordAt, recordsAt, stringAt } from "../api-object.ts";
import { invalidValue, notSupported, required } from "../field-cause.ts";
import type { Strategy } from "../resource.ts";
import type { StatusCause } from "../status-error.ts";
import { validateStructure } from "./structural-rules.ts";

export const crdCleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io";

/** CustomResourceDefinitions are accepted, and served, the moment they are stored. */
export const crdStrategy: Strategy = {
  nameRule: "subdomain",
  hasGeneration: true,
  allowsUnconditionalUpdate: true,
  finalizer: crdCleanupFinalizer,
  decode(crd) {
    const spec = ensureRecord(crd, "spec");
    defaultField(ensureRecord(spec, "conversion"), "strategy", "None");
    const names = ensureRecord(spec, "names");
    const kind = stringAt(names, "kind");
    defaultField(names, "singular", kind.toLowerCase());
    defaultField(names, "listKind", `${kind}List`);
  },
  prepareCreate(crd) {
    crd["status"] = acceptedStatus(crd, {}, crd.metadata.creationTimestamp ?? "");
  },
  prepareUpdate(next, old) {
    next["status"] = acceptedStatus(next, recordAt(old, "status"), old.metadata.creationTimestamp ?? "");
  },
  validate: validateCrd,
};

function acceptedStatus(crd: ApiObject, before: JsonObject, sinceTimestamp: string): JsonObject {
  const storage = recordsAt(crd, "spec", "versions").find((version) => version["storage"] === true);
  const storedBefore = Array.isArray(before["storedVersions"]) ? before["storedVersions"].map(String) : [];
  const storageName = stringAt(storage, "name");
  const accepted = { reason: "NoConflicts", message: "no conflicts found" };
  const established = { reason: "InitialNamesAccepted", message: "the initial names have been accepted" };
  return {
    ...before,
    acceptedNames: recordAt(crd, "spec", "names"),
    conditions: before["conditions"] ?? [
      { type: "NamesAccepted", status: "True", lastTransitionTime: sinceTimestamp, ...accepted },
      { type: "Established", status: "True", lastTransitionTime: sinceTimestamp, ...established },
    ],
    storedVersions: storedBefore.includes(storageName) ? storedBefore : [...storedBefore, storageName],
  };
}

function validateCrd(crd: ApiObject, old: ApiObject | undefined): StatusCause[] {
  const spec = recordAt(crd, "spec");
  const causes: StatusCause[] = [];
  for (const field of ["kind", "plural"]) {
    if (stringAt(spec, "names", field) === "") causes.push(required(`spec.names.${field}`));
  }
  if (stringAt(spec, "group") === "") causes.push(required("spec.group"));
  const name = `${stringAt(spec, "names", "plural")}.${stringAt(spec, "group")}`;
  if (crd.metadata.name !== name) {
    const detail = `must be spec.names.plural+"."+spec.group`;
    causes.push(invalidValue("metadata.name", crd.metadata.name, detail));
  }
  const scope = stringAt(spec, "scope");
  if (scope !== "Namespaced" && scope !== "Cluster") {
    causes.push(notSupported("spec.scope", scope, ["Cluster", "Namespaced"]));
  }
  if (old !== undefined && stringAt(old, "spec", "scope") !== scope) {
    causes.push(invalidValue("spec.scope", scope, "field is immutable"));
  }
  return [...causes, ...validateVersions(spec), ...validateConversion(spec)];
}

function validateVersions(spec: JsonObject): StatusCause[] {
  const versions = recordsAt(spec, "versions");
  if (versions.length === 0) return [required("spec.versions")];
  const causes: StatusCause[] = [];
  if (spec["preserveUnknownFields"] === true) {
    const detail = "must be false in apiextensions.k8s.io/v1; see x-kubernetes-preserve-unknown-fields";
    causes.push(invalidValue("spec.preserveUnknownFields", true, detail));
  }
  if (versions.filter((version) => version["storage"] === true).length !== 1) {
    causes.push(invalidValue("spec.versions", "", "must have exactly one version marked as storage version"));
  }
  for (const [index, version] of versions.entries()) {
    const at = `spec.versions[${index}]`;
    const name = stringAt(version, "name");
    if (name === "") causes.push(required(`${at}.name`));
    if (versions.findIndex((other) => other["name"] === name) < index) {
      causes.push(invalidValue(`${at}.name`, name, "must be unique"));
    }
    const schema = recordAt(version, "schema")["openAPIV3Schema"];
    if (!isRecord(schema)) causes.push(required(`${at}.schema.openAPIV3Schema`, "schemas are required"));
    else causes.push(...validateStructure(schema, `${at}.schema.openAPIV3Schema`));
    causes.push(...validateScale(version, at), ...validateColumns(version, at));
  }
  return causes;
}

function validateScale(version: JsonObject, at: string): StatusCause[] {
  const scale = recordAt(version, "subresources")["scale"];
  if (scale === undefined) return [];
  return ["specReplicasPath", "statusReplicasPath"]
    .filter((field) => stringAt(scale, field) === "")
    .map((field) => required(`${at}.subresources.scale.${field}`));
}

const columnTypes = ["boolean", "date", "integer", "number", "string"];

function validateColumns(version: JsonObject, at: string): StatusCause[] {
  return recordsAt(version, "additionalPrinterColumns").flatMap((column, index) => {
    const place = `${at}.additionalPrinterColumns[${index}]`;
    const type = stringAt(column, "type");
    const missing = ["name", "type", "jsonPath"].filter((field) => stringAt(column, field) === "");
    return [
      ...missing.map((field) => required(`${place}.${field}`)),
      ...(type === "" || columnTypes.includes(type) ? [] : [notSupported(`${place}.type`, type, columnTypes)]),
    ];
  });
}

function validateConversion(spec: JsonObject): StatusCause[] {
  const strategy = stringAt(spec, "conversion", "strategy");
  // Conversion webhooks have no user here: Kelvin's kinds keep one schema over their versions.
  return strategy === "None" || strategy === "Webhook"
    ? []
    : [notSupported("spec.conversion.strategy", strategy, ["None", "Webhook"])];
}
