import type { ApiObject, JsonObject } from "../api-object.ts";
import { copyJson, isRecord } from "../api-object.ts";
import { FieldTypeError, readFields, type ReportUnknown } from "../fields/read-fields.ts";
import { kindTypeOf } from "../fields/kind-type-of.ts";
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
  const object: ApiObject = {
    ...readBody(resource, body, unknownField),
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    metadata: parseMetadata(body["metadata"], unknownField),
  };
  resource.strategy.decode?.(object, { unknownField });
  reportMistakes(
    request,
    unknownFields.map((path) => `unknown field "${path}"`),
  );
  return object;
}

const unknownFieldsMax = 20;

/** All but the metadata, which is read alike for all kinds. */
function readBody(resource: Resource, object: JsonObject, unknownField: ReportUnknown): JsonObject {
  const body = { ...object };
  delete body["metadata"];
  const type = kindTypeOf(resource);
  if (type === undefined) return copyJson(body);
  try {
    return readFields(body, type, unknownField);
  } catch (error) {
    throw error instanceof FieldTypeError ? unreadable(resource, error.message) : error;
  }
}

function checkType(resource: Resource, body: JsonObject): void {
  const apiVersion = body["apiVersion"] ?? apiVersionOf(resource);
  const kind = body["kind"] ?? resource.kind;
  if (apiVersion !== apiVersionOf(resource) && !isSameGroupVersion(resource, apiVersion)) {
    throw badRequest(
      `the API version in the data (${JSON.stringify(apiVersion)}) does not match the expected API version (${apiVersionOf(resource)})`,
    );
  }
  if (kind !== resource.kind) {
    throw unreadable(resource, `the kind in the data (${JSON.stringify(kind)}) does not match the expected kind`);
  }
}

// Objects read through another served version of the same kind come back with that version.
function isSameGroupVersion(resource: Resource, apiVersion: unknown): boolean {
  return apiVersion === "" || (apiVersion === resource.storageVersion && resource.storedForm === undefined);
}

/** Refuses a body, or warns of it, as the client asked. @throws StatusError 400 under strict validation. */
export function reportMistakes(request: WriteRequest, texts: readonly string[]): void {
  if (texts.length === 0 || request.fieldValidation === "Ignore") return;
  if (request.fieldValidation === "Strict") {
    throw unreadable(request.resource, `strict decoding error: ${texts.join(", ")}`);
  }
  for (const text of texts) request.warn(text);
}

function unreadable({ kind, version }: Resource, reason: string): Error {
  return badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: ${reason}`);
}
