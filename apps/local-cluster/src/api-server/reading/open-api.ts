import { createHash } from "node:crypto";
import type { JsonObject } from "../api-object.ts";
import { recordAt } from "../api-object.ts";
import type { Exchange } from "../http/exchange.ts";
import { sendJson } from "../http/exchange.ts";
import { kindTypeOf } from "../fields/kind-type-of.ts";
import { findKindType } from "../fields/message-types.ts";
import { apiVersionOf, type Resource } from "../resource.ts";
import type { Resources } from "../resources.ts";
import { noSuchResource } from "../status-error.ts";
import { addSchemas, componentName, refTo } from "./field-schemas.ts";

// OpenAPI v3, as much as kubectl needs: for create and apply, a PATCH operation per kind that knows `fieldValidation`;
// for explain, the schemas. The operations have no bodies on purpose: kubectl then makes the patches of `kubectl apply` with
// the types it was built with, as it does with a server of its own version.

/** A Document of OpenAPI v2 in protobuf that says `swagger: "2.0"` and no more. */
const emptySecondVersion = Buffer.from("\n\x032.0");

/**
 * Answers `/openapi/v2` with a document of nothing, in the only form that kubectl reads: of a kind that no v3 document knows,
 * a misspelt one as a rule, it looks there, and says what is wrong only if that is an answer.
 */
export function serveSecondOpenApi({ response }: Exchange): void {
  const contentType = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
  response.writeHead(200, { "Content-Type": contentType, "Cache-Control": "no-cache, private" });
  response.end(emptySecondVersion);
}

/** Answers `/openapi/v3` and the document of one group and version. @throws StatusError 404 for any other. */
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
    return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hashOf(inVersion)}` }];
  });
  return { paths: Object.fromEntries(paths) as JsonObject };
}

interface Hashed {
  readonly resources: readonly Resource[];
  readonly hash: string;
}

// By the first resource of a version: all are made anew when their CRD changes, and built-in ones never are.
const hashes = new WeakMap<Resource, Hashed>();

function hashOf(resources: readonly Resource[]): string {
  const [first] = resources;
  const known = first === undefined ? undefined : hashes.get(first);
  const isCurrent =
    known?.resources.length === resources.length && resources.every((it, index) => it === known.resources[index]);
  if (known !== undefined && isCurrent) return known.hash;
  const hash = createHash("sha256")
    .update(JSON.stringify(versionDocument(resources)))
    .digest("hex")
    .toUpperCase();
  if (first !== undefined) hashes.set(first, { resources, hash });
  return hash;
}

function versionDocument(resources: readonly Resource[]): JsonObject {
  const schemas: JsonObject = {};
  const metadataType = findKindType("v1", "ConfigMap")?.byName.get("metadata")?.type;
  if (metadataType !== undefined && typeof metadataType !== "string") addSchemas(schemas, metadataType);
  schemas[metadataName] = withDescriptions(recordAt(schemas, metadataName));
  const paths: JsonObject = {};
  for (const resource of resources) {
    const type = kindTypeOf(resource);
    if (type !== undefined) addSchemas(schemas, type);
    schemas[schemaName(resource)] = schemaOf(resource, recordAt(schemas, schemaName(resource)));
    Object.assign(paths, pathsOf(resource));
  }
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: "v1.34.0" },
    paths,
    components: { schemas },
  };
}

const metadataName = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

const metadataDescriptions: Readonly<Record<string, string>> = {
  name: "Name must be unique within a namespace.",
  namespace: "The namespace the object is in.",
  labels: "Keys and values to select objects by.",
  annotations: "Keys and values for tools.",
  finalizers: "Must be empty before the object is removed.",
  ownerReferences: "Objects this one depends on.",
};

function withDescriptions(schema: JsonObject): JsonObject {
  const properties = Object.entries(recordAt(schema, "properties")).map(([name, property]) => {
    const description = metadataDescriptions[name];
    return [name, { ...(property as JsonObject), ...(description !== undefined && { description }) }];
  });
  return {
    ...schema,
    description: "Standard object's metadata: name, namespace, labels, annotations and what the server adds.",
    properties: Object.fromEntries(properties) as JsonObject,
  };
}

function schemaName(resource: Resource): string {
  const type = kindTypeOf(resource);
  if (type !== undefined) return componentName(type);
  const { group, version, kind } = resource;
  return `${group.split(".").reverse().join(".")}.${version}.${kind}`;
}

/** The schema of a kind from its CRD, or else from the table. */
function schemaOf(resource: Resource, fromTable: JsonObject): JsonObject {
  const description = `${resource.kind} of ${apiVersionOf(resource)}.`;
  const schema = resource.customSchema ?? { ...fromTable, description };
  return {
    ...schema,
    type: "object",
    properties: {
      ...recordAt(schema, "properties"),
      apiVersion: describedString("The version of the schema of this object, such as `v1`."),
      kind: describedString("What this object is."),
      metadata: {
        allOf: [refTo(metadataName)],
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
      content: { "application/json": { schema: refTo(schemaName(resource)) } },
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
