import type { ApiObject, JsonObject } from "../api-object.ts";
import { copyJson, isRecord, setField } from "../api-object.ts";
import { apiVersionOf, type Resource } from "../resource.ts";
import { badRequest } from "../status-error.ts";
import { parseMetadata } from "./metadata.ts";
import type { WriteRequest } from "./request.ts";

/**
 * A request body as an object of the resource: identity checked, metadata parsed, pruned and defaulted by the kind's strategy.
 * The result shares nothing with the body.
 *
 * @throws StatusError 400 when it is no such object, or has unknown fields under strict validation.
 */
export function decodeObject(request: WriteRequest, body: unknown): ApiObject {
  const { resource } = request;
  if (!isRecord(body)) throw badRequest(`the body of the request must be a ${resource.kind} object`);
  checkType(resource, body);
  const unknownFields: string[] = [];
  const unknownField = (path: string): void => {
    if (unknownFields.length < unknownFieldsMax) unknownFields.push(path);
  };
  const source = resource.isCustom ? copyJson(body) : withoutNulls(body);
  const object: ApiObject = {
    ...(source as JsonObject),
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    metadata: parseMetadata(body["metadata"], unknownField),
  };
  resource.strategy.decode?.(object, { unknownField });
  reportUnknownFields(request, unknownFields);
  return object;
}

const unknownFieldsMax = 20;

function checkType(resource: Resource, body: JsonObject): void {
  const apiVersion = body["apiVersion"] ?? apiVersionOf(resource);
  const kind = body["kind"] ?? resource.kind;
  if (apiVersion !== apiVersionOf(resource) && !isSameGroupVersion(resource, apiVersion)) {
    throw badRequest(
      `the API version in the data (${JSON.stringify(apiVersion)}) does not match the expected API version (${apiVersionOf(resource)})`,
    );
  }
  if (kind !== resource.kind) {
    throw badRequest(
      `${resource.kind} in version "${resource.version}" cannot be handled as a ${resource.kind}: the kind in the data (${JSON.stringify(kind)}) does not match the expected kind`,
    );
  }
}

// Objects read through another served version of the same kind come back with that version.
function isSameGroupVersion(resource: Resource, apiVersion: unknown): boolean {
  return apiVersion === "" || apiVersion === resource.storageVersion;
}

function reportUnknownFields(request: WriteRequest, paths: readonly string[]): void {
  if (paths.length === 0 || request.fieldValidation === "Ignore") return;
  const texts = paths.map((path) => `unknown field "${path}"`);
  if (request.fieldValidation === "Strict") {
    throw badRequest(
      `${request.resource.kind} in version "${request.resource.version}" cannot be handled as a ${request.resource.kind}: strict decoding error: ${texts.join(", ")}`,
    );
  }
  for (const text of texts) request.warn(text);
}

/** Built-in kinds know no null: Go clients write it for absent values (`creationTimestamp: null`). Times are brought into one form. */
function withoutNulls(value: unknown, field = ""): unknown {
  if (Array.isArray(value)) return value.filter((item) => item !== null).map((item) => withoutNulls(item));
  if (typeof value === "string") return fractionSecondsPattern.test(value) ? normalTime(value, field) : value;
  if (!isRecord(value)) return value;
  const kept: JsonObject = {};
  for (const [key, child] of Object.entries(value)) {
    if (child !== null && child !== undefined) setField(kept, key, withoutNulls(child, key));
  }
  return kept;
}

const fractionSecondsPattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/;
const microTimeFields = new Set(["renewTime", "acquireTime", "eventTime", "lastObservedTime"]);

// JavaScript clients send a Date's milliseconds where Kubernetes writes whole seconds, or six digits in a MicroTime.
function normalTime(text: string, field: string): string {
  if (microTimeFields.has(field)) return `${text.slice(0, 20)}${text.slice(20, -1).padEnd(6, "0").slice(0, 6)}Z`;
  return /Time(stamp)?$/.test(field) || field.endsWith("At") ? `${text.slice(0, 19)}Z` : text;
}
