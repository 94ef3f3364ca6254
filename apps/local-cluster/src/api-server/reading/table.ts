import type { ApiObject, JsonObject } from "../api-object.ts";
import type { Resource } from "../resource.ts";
import { badRequest } from "../status-error.ts";

export type IncludeObject = "None" | "Metadata" | "Object";

export function parseIncludeObject(value: string | null): IncludeObject {
  if (value === null || value === "" || value === "Metadata") return "Metadata";
  if (value === "None" || value === "Object") return value;
  throw badRequest(`unrecognized includeObject value: ${JSON.stringify(value)}`);
}

/** The table that `kubectl get` prints, `meta.k8s.io/v1`. */
export function makeTable(
  resource: Resource,
  objects: readonly ApiObject[],
  options: { metadata: JsonObject; includeObject: IncludeObject },
): JsonObject {
  const now = new Date();
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata: options.metadata,
    columnDefinitions: resource.columns.map(({ name, type, format, description, priority }) => ({
      name,
      type,
      format: format ?? "",
      description: description ?? "",
      priority: priority ?? 0,
    })),
    rows: objects.map((object) => ({
      cells: resource.columns.map((column) => column.cell(object, now) ?? null),
      ...rowObject(object, options.includeObject),
    })),
  };
}

function rowObject(object: ApiObject, includeObject: IncludeObject): JsonObject {
  if (includeObject === "None") return {};
  if (includeObject === "Object") return { object };
  return { object: { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata } };
}
