import { createHash } from "node:crypto";
import type { JsonObject } from "../api-object.ts";
import { compareVersions } from "../crd/custom-resources.ts";
import type { Exchange } from "../http/exchange.ts";
import { sendJsonText } from "../http/exchange.ts";
import { apiVersionOf, type Resource, type Subresource } from "../resource.ts";
import type { Resources } from "../resources.ts";
import { noSuchResource } from "../status-error.ts";

// What is served, in both forms: one aggregated document per root for today's clients, and the plain documents for the rest.

const aggregatedTypes = ["v2", "v2beta1"].map((version) => ({
  version,
  contentType: `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
}));

/** Answers `/api`, `/apis`, `/apis/{group}` and the lists of a version's resources. @throws StatusError 404 for any other path. */
export function serveDiscovery(resources: Resources, exchange: Exchange): void {
  const [root = "", ...rest] = exchange.path.split("/").filter((segment) => segment !== "");
  const all = resources.all().filter((resource) => (root === "api") === (resource.group === ""));
  exchange.response.setHeader("Vary", "Accept");
  if (rest.length === 0) return serveRoot(exchange, root, all);
  const [group = "", version] = root === "api" ? ["", rest[0]] : rest;
  const inGroup = all.filter((resource) => resource.group === group);
  if (inGroup.length === 0) throw noSuchResource();
  if (version === undefined) {
    return sendTagged(exchange, { apiVersion: "v1", ...groupDocument(groupOf(inGroup)), kind: "APIGroup" });
  }
  const inVersion = inGroup.filter((resource) => resource.version === version);
  if (inVersion.length === 0) throw noSuchResource();
  sendTagged(exchange, resourceList(inVersion));
}

function serveRoot(exchange: Exchange, root: string, all: readonly Resource[]): void {
  const aggregated = acceptedAggregation(exchange.request.headers.accept ?? "");
  if (aggregated !== undefined) {
    sendTagged(exchange, aggregatedList(all, aggregated.version), aggregated.contentType);
  } else if (root === "api") {
    sendTagged(exchange, coreVersions());
  } else {
    sendTagged(exchange, { kind: "APIGroupList", apiVersion: "v1", groups: groupsOf(all).map(groupDocument) });
  }
}

function acceptedAggregation(accept: string): (typeof aggregatedTypes)[number] | undefined {
  const ranges = accept.split(",").map((range) => range.trim().replaceAll(/\s/g, ""));
  for (const range of ranges) {
    const found = aggregatedTypes.find(
      ({ version }) => range.includes("as=APIGroupDiscoveryList") && range.includes(`v=${version};`),
    );
    if (found !== undefined) return found;
    if (range === "application/json") return undefined;
  }
  return undefined;
}

function sendTagged(exchange: Exchange, body: JsonObject, contentType = "application/json"): void {
  const text = JSON.stringify(body);
  const tag = `"${createHash("sha256").update(text).digest("hex").toUpperCase()}"`;
  exchange.response.setHeader("ETag", tag);
  if (exchange.request.headers["if-none-match"] === tag) {
    exchange.response.writeHead(304).end();
    return;
  }
  sendJsonText(exchange, 200, { text, contentType });
}

function coreVersions(): JsonObject {
  return {
    kind: "APIVersions",
    versions: ["v1"],
    serverAddressByClientCIDRs: [],
  };
}

interface Group {
  readonly name: string;
  /** Preferred first. */
  readonly versions: readonly string[];
  readonly resources: readonly Resource[];
}

function groupsOf(resources: readonly Resource[]): Group[] {
  return [...Map.groupBy(resources, (resource) => resource.group).values()].map(groupOf);
}

function groupOf(resources: readonly Resource[]): Group {
  const versions = [...new Set(resources.map((resource) => resource.version))].sort(compareVersions);
  return { name: resources[0]?.group ?? "", versions, resources };
}

function groupDocument({ name, versions }: Group): JsonObject {
  const documents = versions.map((version) => ({ groupVersion: `${name}/${version}`, version }));
  return { name, versions: documents, preferredVersion: documents[0] };
}

function aggregatedList(resources: readonly Resource[], version: string): JsonObject {
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groupsOf(resources).map((group) => ({
      metadata: group.name === "" ? { creationTimestamp: null } : { name: group.name, creationTimestamp: null },
      versions: group.versions.map((name) => ({
        version: name,
        freshness: "Current",
        resources: group.resources.filter((resource) => resource.version === name).map(aggregatedResource),
      })),
    })),
  };
}

function aggregatedResource(resource: Resource): JsonObject {
  const subresources = subresourcesOf(resource);
  return {
    resource: resource.plural,
    responseKind: { group: resource.group, version: resource.version, kind: resource.kind },
    scope: resource.namespaced ? "Namespaced" : "Cluster",
    singularResource: resource.singular,
    verbs: resource.verbs,
    ...(resource.shortNames.length === 0 ? {} : { shortNames: resource.shortNames }),
    ...(resource.categories.length === 0 ? {} : { categories: resource.categories }),
    ...(subresources.length === 0
      ? {}
      : {
          subresources: subresources.map(({ name, group, version, kind, verbs }) => ({
            subresource: name,
            responseKind: { group: group ?? "", version: version ?? "v1", kind },
            verbs,
          })),
        }),
  };
}

function subresourcesOf(resource: Resource): Subresource[] {
  const { group, version, kind } = resource;
  const verbs = ["get", "patch", "update"];
  return [
    ...resource.subresources,
    ...(resource.scale === undefined
      ? []
      : [{ name: "scale", group: "autoscaling", version: "v1", kind: "Scale", verbs }]),
    ...(resource.hasStatus ? [{ name: "status", group, version, kind, verbs }] : []),
  ];
}

function resourceList(resources: readonly Resource[]): JsonObject {
  const first = resources[0];
  return {
    kind: "APIResourceList",
    apiVersion: "v1",
    groupVersion: first === undefined ? "" : apiVersionOf(first),
    resources: resources.flatMap((resource) => [plainResource(resource), ...plainSubresources(resource)]),
  };
}

function plainResource(resource: Resource): JsonObject {
  return {
    name: resource.plural,
    singularName: resource.singular,
    namespaced: resource.namespaced,
    kind: resource.kind,
    verbs: resource.verbs,
    ...(resource.shortNames.length === 0 ? {} : { shortNames: resource.shortNames }),
    ...(resource.categories.length === 0 ? {} : { categories: resource.categories }),
    storageVersionHash: createHash("sha256").update(resource.storageType).digest("base64").slice(0, 12),
  };
}

function plainSubresources(resource: Resource): JsonObject[] {
  return subresourcesOf(resource).map(({ name, group, version, kind, verbs }) => ({
    name: `${resource.plural}/${name}`,
    singularName: "",
    namespaced: resource.namespaced,
    ...(group === undefined || group === resource.group ? {} : { group, version: version ?? "v1" }),
    kind,
    verbs,
  }));
}
