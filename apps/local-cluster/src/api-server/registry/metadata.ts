import type { ApiObject, JsonObject, ManagedFieldsEntry, Metadata, OwnerReference } from "../api-object.ts";
import { copyJson, isRecord, setField } from "../api-object.ts";
import { duplicate, forbiddenField, invalidValue, required } from "../field-cause.ts";
import type { NameRule, Resource } from "../resource.ts";
import type { StatusCause } from "../status-error.ts";
import { badRequest } from "../status-error.ts";

// Metadata is the one part every kind has; it is read strictly into known fields here and validated here.

const stringFields = [
  "name",
  "generateName",
  "namespace",
  "uid",
  "resourceVersion",
  "creationTimestamp",
  "deletionTimestamp",
] as const;
const numberFields = ["generation", "deletionGracePeriodSeconds"] as const;
const ignoredFields = new Set(["selfLink", "clusterName"]);
const knownFields = new Set<string>([
  ...stringFields,
  ...numberFields,
  "labels",
  "annotations",
  "finalizers",
  "ownerReferences",
  "managedFields",
]);

/** Reads `metadata` of a request body. Empty values count as absent, as in Go. @throws StatusError 400 for a wrong type. */
export function parseMetadata(value: unknown, unknownField: (path: string) => void): Metadata {
  if (value === undefined || value === null) return {};
  if (!isRecord(value)) throw wrongMetadata("metadata", "object");
  for (const field of Object.keys(value)) {
    if (!knownFields.has(field) && !ignoredFields.has(field)) unknownField(`metadata.${field}`);
  }
  const labels = parseStringMap(value["labels"], "metadata.labels");
  const annotations = parseStringMap(value["annotations"], "metadata.annotations");
  const finalizers = parseFinalizers(value["finalizers"]);
  const ownerReferences = parseOwnerReferences(value["ownerReferences"]);
  const managedFields = parseManagedFields(value["managedFields"]);
  return {
    ...parseScalars(value),
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
    ...(finalizers.length === 0 ? {} : { finalizers }),
    ...(ownerReferences.length === 0 ? {} : { ownerReferences }),
    ...(managedFields === undefined ? {} : { managedFields }),
  };
}

function parseScalars(value: JsonObject): Metadata {
  const metadata: Metadata = {};
  for (const field of stringFields) {
    const text = value[field];
    if (text === undefined || text === null || text === "") continue;
    if (typeof text !== "string") throw wrongMetadata(`metadata.${field}`, "string");
    metadata[field] = text;
  }
  for (const field of numberFields) if (typeof value[field] === "number") metadata[field] = value[field];
  return metadata;
}

function wrongMetadata(field: string, wanted: string): Error {
  return badRequest(`the object provided is unrecognized: ${field} must be of type ${wanted}`);
}

function parseStringMap(value: unknown, field: string): Record<string, string> | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isRecord(value)) throw wrongMetadata(field, "object");
  const parsed: JsonObject = {};
  for (const [key, text] of Object.entries(value)) {
    if (text !== null && typeof text !== "string") throw wrongMetadata(`${field}.${key}`, "string");
    setField(parsed, key, text ?? "");
  }
  return Object.keys(parsed).length === 0 ? undefined : (parsed as Record<string, string>);
}

function parseFinalizers(value: unknown): string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw wrongMetadata("metadata.finalizers", "array");
  return [...new Set(value.filter((item): item is string => typeof item === "string"))];
}

function parseOwnerReferences(value: unknown): OwnerReference[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw wrongMetadata("metadata.ownerReferences", "array");
  return value.filter(isRecord).map((owner) => ({
    apiVersion: textOf(owner["apiVersion"]),
    kind: textOf(owner["kind"]),
    name: textOf(owner["name"]),
    uid: textOf(owner["uid"]),
    ...(typeof owner["controller"] === "boolean" ? { controller: owner["controller"] } : {}),
    ...(typeof owner["blockOwnerDeletion"] === "boolean" ? { blockOwnerDeletion: owner["blockOwnerDeletion"] } : {}),
  }));
}

/** Entries that make no sense are as good as none; one empty entry is the wish to forget them all. */
function parseManagedFields(value: unknown): ManagedFieldsEntry[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const [first] = value as unknown[];
  if (value.length === 1 && isRecord(first) && Object.keys(first).length === 0) return [];
  return value.every(isManagedFieldsEntry) ? copyJson(value) : undefined;
}

function isManagedFieldsEntry(entry: unknown): entry is ManagedFieldsEntry {
  if (!isRecord(entry)) return false;
  const { manager, operation, apiVersion, fieldsType, fieldsV1 } = entry;
  const isKnown = (operation === "Apply" || operation === "Update") && fieldsType === "FieldsV1";
  return isKnown && typeof manager === "string" && typeof apiVersion === "string" && isRecord(fieldsV1);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

const annotationBytesMax = 256 * 1024;
const qualifiedNamePattern = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const subdomainPattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** All that is wrong with an object's metadata. */
export function validateMetadata(resource: Resource, object: ApiObject): StatusCause[] {
  const { metadata } = object;
  return [
    ...validateName(metadata.name ?? "", resource.strategy.nameRule),
    ...validateLabels(metadata.labels ?? {}),
    ...validateAnnotations(metadata.annotations ?? {}),
    ...validateOwners(metadata.ownerReferences ?? []),
    ...validateFinalizers(metadata.finalizers ?? []),
  ];
}

const nameRules: Record<NameRule, { pattern: RegExp; lengthMax: number; text: string }> = {
  subdomain: {
    pattern: subdomainPattern,
    lengthMax: 253,
    text: "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
  },
  label: {
    pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
    lengthMax: 63,
    text: "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
  },
  dns1035: {
    pattern: /^[a-z]([-a-z0-9]*[a-z0-9])?$/,
    lengthMax: 63,
    text: "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
  },
  path: { pattern: /^(?!\.{1,2}$)[^/%]+$/, lengthMax: 253, text: "may not be '.' or '..' or contain '/' or '%'" },
};

function validateName(name: string, rule: NameRule): StatusCause[] {
  if (name === "") return [required("metadata.name", "name or generateName is required")];
  const { pattern, lengthMax, text } = nameRules[rule];
  if (name.length > lengthMax) {
    return [invalidValue("metadata.name", name, `must be no more than ${lengthMax} characters`)];
  }
  return pattern.test(name) ? [] : [invalidValue("metadata.name", name, text)];
}

const labelValueText =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const qualifiedNameText =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

function validateLabels(labels: Record<string, string>): StatusCause[] {
  const causes: StatusCause[] = [];
  for (const [key, value] of Object.entries(labels)) {
    if (!isQualifiedName(key)) causes.push(invalidValue("metadata.labels", key, qualifiedNameText));
    if (value.length > 63) {
      causes.push(invalidValue("metadata.labels", value, "must be no more than 63 characters"));
    } else if (value !== "" && !qualifiedNamePattern.test(value)) {
      causes.push(invalidValue("metadata.labels", value, labelValueText));
    }
  }
  return causes;
}

function isQualifiedName(name: string): boolean {
  const parts = name.split("/");
  const last = parts.at(-1) ?? "";
  const isPrefixGood = parts.length === 1 || (parts.length === 2 && subdomainPattern.test(parts[0] ?? ""));
  return isPrefixGood && last.length <= 63 && qualifiedNamePattern.test(last);
}

function validateAnnotations(annotations: Record<string, string>): StatusCause[] {
  const causes: StatusCause[] = [];
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations)) {
    if (!isQualifiedName(key.toLowerCase())) {
      causes.push(invalidValue("metadata.annotations", key, qualifiedNameText));
    }
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > annotationBytesMax) {
    causes.push({
      reason: "FieldValueTooLong",
      message: `Too long: may not be more than ${annotationBytesMax} bytes`,
      field: "metadata.annotations",
    });
  }
  return causes;
}

function validateOwners(owners: readonly OwnerReference[]): StatusCause[] {
  const causes: StatusCause[] = [];
  for (const [index, owner] of owners.entries()) {
    const at = `metadata.ownerReferences[${index}]`;
    for (const field of ["apiVersion", "kind", "name", "uid"] as const) {
      if (owner[field] === "") causes.push(required(`${at}.${field}`, "must not be empty"));
    }
  }
  const controllers = owners.filter((owner) => owner.controller === true);
  if (controllers.length > 1) {
    const named = controllers.map((owner) => owner.name);
    causes.push(
      invalidValue(
        "metadata.ownerReferences",
        named,
        'Only one reference can have Controller set to true. Found "true" in references for ' + named.join(" and "),
      ),
    );
  }
  const seen = new Set([""]);
  const repeated = owners.find(({ uid }) => uid !== "" && seen.size === seen.add(uid).size)?.uid;
  if (repeated !== undefined) causes.push(duplicate("metadata.ownerReferences.uid", repeated));
  return causes;
}

function validateFinalizers(finalizers: readonly string[]): StatusCause[] {
  const causes = finalizers
    .filter((finalizer) => !isQualifiedName(finalizer))
    .map((finalizer) => invalidValue("metadata.finalizers", finalizer, qualifiedNameText));
  if (finalizers.includes("orphan") && finalizers.includes("foregroundDeletion")) {
    causes.push(invalidValue("metadata.finalizers", finalizers, "orphan and foregroundDeletion cannot be both set"));
  }
  return causes;
}

/** A terminating object takes no new finalizers. */
export function validateNewFinalizers(old: Metadata, next: Metadata): StatusCause[] {
  if (old.deletionTimestamp === undefined) return [];
  const added = (next.finalizers ?? []).filter((finalizer) => !(old.finalizers ?? []).includes(finalizer));
  if (added.length === 0) return [];
  return [
    forbiddenField(
      "metadata.finalizers",
      `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((name) => JSON.stringify(name)).join(", ")}}`,
    ),
  ];
}

const nameCharacters = "bcdfghjklmnpqrstvwxz2456789";

/** `prefix` with five random characters, short enough to be a label. */
export function generateName(prefix: string): string {
  const bytes = crypto.getRandomValues(new Uint8Array(5));
  return prefix.slice(0, 58) + Array.from(bytes, (byte) => nameCharacters[byte % nameCharacters.length]).join("");
}

/** A time as Kubernetes writes it: UTC, whole seconds. */
export function timestampOf(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}
