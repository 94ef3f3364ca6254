import { createHash } from "node:crypto";
import type { JsonObject } from "../api-object.ts";
import { recordAt } from "../api-object.ts";
import type { Exchange } from "../http/exchange.ts";
import { sendJson } from "../http/exchange.ts";
import { apiVersionOf, type Resource } from "../resource.ts";
import type { Resources } from "../resources.ts";
import { noSuchResource } from "../status-error.ts";

// OpenAPI v3, as much as kubectl needs: for create and apply, a PATCH operation per kind that knows `fieldValidation`;
// for explain, the schemas of custom kinds. Built-in kinds have open schemas and no patch bodies on purpose: from incomplete
// ones kubectl would make patches that destroy lists, without any it uses the types it was built with.

/** Answers `/openapi/v3` and the document of one group and version. @throws StatusError 404 for any other, v2 among them. */
export function serveOpenApi(resources: Resources, exchange: Exchange): void {
  const all = resources.all();
  if (exchange.path === "/openapi/v3") return sendJson(exchange, 200, indexDocument(all));
  const path = exchange.path.replace(/^\/openapi\/v3\//, "");
  const inVersion = all.filter((resource) => rootPath(resource) === path);
  if (inVersion.length === 0) throw noSuchResource();
  sendJson(exchange, 200, versionDocument(inVersion));
}

function rootPath({ group, version }: Resource): string {
  return group === "" ? `api/${version}` : `apis/${group}/${version}`;
}

function indexDocument(resources: readonly Resource[]): JsonObject {
  const byPath = Map.groupBy(resources, rootPath);
  const paths = [...byPath].map(([path, inVersion]) => {
    const hash = createHash("sha256")
      .update(JSON.stringify(versionDocument(inVersion)))
      .digest("hex")
      .toUpperCase();
    return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }];
  });
  return { paths: Object.fromEntries(paths) as JsonObject };
}

function versionDocument(resources: readonly Resource[]): JsonObject {
  const schemas: JsonObject = { "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta": metadataSchema };
  const paths: JsonObject = {};
  for (const resource of resources) {
    schemas[schemaName(resource)] = schemaOf(resource);
    Object.assign(paths, pathsOf(resource));
  }
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: "v1.34.0" },
    paths,
    components: { schemas },
  };
}

const metadataSchema = {
  type: "object",
  description: "Standard object's metadata: name, namespace, labels, annotations and what the server adds.",
  properties: {
    name: { type: "string", description: "Name must be unique within a namespace." },
    namespace: { type: "string", description: "The namespace the object is in." },
    labels: {
      type: "object",
      additionalProperties: { type: "string" },
      description: "Keys and values to select objects by.",
    },
    annotations: {
      type: "object",
      additionalProperties: { type: "string" },
      description: "Keys and values for tools.",
    },
    finalizers: {
      type: "array",
      items: { type: "string" },
      description: "Must be empty before the object is removed.",
    },
    ownerReferences: { type: "array", items: { type: "object" }, description: "Objects this one depends on." },
  },
};

function schemaName({ group, version, kind }: Resource): string {
  const prefix = group === "" ? "io.k8s.api.core" : group.split(".").reverse().join(".");
  return `${prefix}.${version}.${kind}`;
}

function schemaOf(resource: Resource): JsonObject {
  const schema = resource.customSchema ?? {
    type: "object",
    description: `${resource.kind} of ${apiVersionOf(resource)}.`,
  };
  return {
    ...schema,
    type: "object",
    properties: {
      ...recordAt(schema, "properties"),
      apiVersion: describedString("The version of the schema of this object, such as `v1`."),
      kind: describedString("What this object is."),
      metadata: {
        allOf: [{ $ref: "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" }],
        description: "Standard object's metadata.",
      },
    },
    "x-kubernetes-group-version-kind": [groupVersionKind(resource)],
  };
}

function describedString(description: string): JsonObject {
  return { type: "string", description };
}

function groupVersionKind({ group, version, kind }: Resource): JsonObject {
  return { group, version, kind };
}

function pathsOf(resource: Resource): JsonObject {
  const collection = `/${rootPath(resource)}${resource.namespaced ? "/namespaces/{namespace}" : ""}/${resource.plural}`;
  const answer = {
    "200": {
      description: "OK",
      content: { "application/json": { schema: { $ref: `#/components/schemas/${schemaName(resource)}` } } },
    },
  };
  const operation = (action: string, parameters: readonly string[]): JsonObject => ({
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": groupVersionKind(resource),
    parameters: parameters.map((name) => ({ name, in: "query", schema: { type: "string", uniqueItems: true } })),
    responses: answer,
  });
  const writes = ["dryRun", "fieldManager", "fieldValidation"];
  return {
    [collection]: { get: operation("list", ["labelSelector", "fieldSelector"]), post: operation("post", writes) },
    [`${collection}/{name}`]: {
      get: operation("get", []),
      put: operation("put", writes),
      patch: operation("patch", [...writes, "force"]),
    },
  };
}
