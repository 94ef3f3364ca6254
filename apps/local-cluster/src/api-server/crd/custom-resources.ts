import type { Store } from "../../storage/store.ts";
import type { ApiObject, JsonObject } from "../api-object.ts";
import { listAt, recordAt, recordsAt, stringAt, valueAt } from "../api-object.ts";
import { ageColumn, nameColumn } from "../reading/columns.ts";
import { parseJsonPath } from "../reading/json-path.ts";
import type { Column, Resource, ScalePaths, Strategy } from "../resource.ts";
import type { Resources } from "../resources.ts";
import { validateSchema } from "./schema-validation.ts";
import { applyDefaults, pruneUnknown } from "./structural.ts";

const crdType = "apiextensions.k8s.io/customresourcedefinitions";

/** Serves what the stored CRDs say, now and from now on. Changes take effect within the commit that makes them. */
export function followCustomResourceDefinitions(store: Store, resources: Resources): () => void {
  for (const crd of store.list(crdType)) resources.setCustom(crd.metadata.name ?? "", resourcesOf(crd));
  return store.watch(crdType, store.revision, ({ type, object }) => {
    resources.setCustom(object.metadata.name ?? "", type === "DELETED" ? [] : resourcesOf(object));
  });
}

/** The kinds a CRD serves: one per served version. */
export function resourcesOf(crd: ApiObject): Resource[] {
  const versions = recordsAt(crd, "spec", "versions");
  const storage = versions.find((version) => version["storage"] === true);
  return versions
    .filter((version) => version["served"] === true)
    .sort((a, b) => compareVersions(stringAt(a, "name"), stringAt(b, "name")))
    .map((version) => resourceOf(crd, version, stringAt(storage, "name")));
}

function resourceOf(crd: ApiObject, version: JsonObject, storageVersion: string): Resource {
  const group = stringAt(crd, "spec", "group");
  const names = recordAt(crd, "spec", "names");
  const plural = stringAt(names, "plural");
  const schema = recordAt(version, "schema", "openAPIV3Schema");
  const hasStatus = recordAt(version, "subresources")["status"] !== undefined;
  const scale = scaleOf(recordAt(version, "subresources")["scale"]);
  const isTerminating = crd.metadata.deletionTimestamp !== undefined;
  return {
    group,
    version: stringAt(version, "name"),
    kind: stringAt(names, "kind"),
    listKind: stringAt(names, "listKind"),
    plural,
    singular: stringAt(names, "singular"),
    shortNames: listAt(names, "shortNames").map(String),
    categories: listAt(names, "categories").map(String),
    namespaced: stringAt(crd, "spec", "scope") === "Namespaced",
    verbs: customVerbs.filter((verb) => verb !== "create" || !isTerminating),
    hasStatus,
    ...(scale === undefined ? {} : { scale }),
    subresources: [],
    columns: columnsOf(version),
    strategy: customStrategy(version, schema),
    storageType: `${group}/${plural}`,
    storageVersion: `${group}/${storageVersion}`,
    customSchema: schema,
    isCustom: true,
    ...(version["deprecated"] === true
      ? {
          deprecationWarning:
            stringAt(version, "deprecationWarning") ||
            `${group}/${stringAt(version, "name")} ${stringAt(names, "kind")} is deprecated`,
        }
      : {}),
  };
}

const customVerbs = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];

function customStrategy(version: JsonObject, schema: JsonObject): Strategy {
  const selectable = recordsAt(version, "selectableFields").map((field) => fieldsOf(stringAt(field, "jsonPath")));
  return {
    fieldLabels: Object.fromEntries(
      selectable.map((path) => [path.join("."), (object: ApiObject) => scalarText(valueAt(object, ...path))]),
    ),
    nameRule: "subdomain",
    hasGeneration: true,
    allowsUnconditionalUpdate: false,
    decode(object, { unknownField }) {
      pruneUnknown(object, schema, unknownField);
      applyDefaults(object, schema);
    },
    validate: (object) => validateSchema(object, schema),
  };
}

function scalarText(value: unknown): string {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

function scaleOf(scale: unknown): ScalePaths | undefined {
  if (scale === undefined) return undefined;
  const selectorPath = fieldsOf(stringAt(scale, "labelSelectorPath"));
  return {
    specReplicas: fieldsOf(stringAt(scale, "specReplicasPath")),
    statusReplicas: fieldsOf(stringAt(scale, "statusReplicasPath")),
    selector: (object) => (selectorPath.length === 0 ? "" : stringAt(object, ...selectorPath)),
  };
}

function fieldsOf(path: string): string[] {
  return path.split(".").filter((field) => field !== "");
}

function columnsOf(version: JsonObject): readonly Column[] {
  const declared = recordsAt(version, "additionalPrinterColumns");
  if (declared.length === 0) return [nameColumn, ageColumn];
  return [nameColumn, ...declared.map(columnOf)];
}

const columnTypes = ["string", "integer", "number", "boolean", "date"] as const;

function columnOf(declared: JsonObject): Column {
  const path = parseJsonPath(stringAt(declared, "jsonPath"));
  const type = columnTypes.find((known) => known === declared["type"]) ?? "string";
  return {
    name: stringAt(declared, "name"),
    type,
    format: stringAt(declared, "format"),
    description: stringAt(declared, "description"),
    priority: typeof declared["priority"] === "number" ? declared["priority"] : 0,
    cell: (object, now) => customCell(path?.(object), type, now),
  };
}

function customCell(value: unknown, type: Column["type"], now: Date): unknown {
  if (value === undefined || value === null) return undefined;
  if (type === "date")
    return ageColumn.cell(
      { apiVersion: "", kind: "", metadata: { creationTimestamp: typeof value === "string" ? value : "" } },
      now,
    );
  if (type === "string") return typeof value === "string" ? value : JSON.stringify(value);
  return value;
}

/** Kubernetes' order of versions: stable first, newest first: v2, v1, v1beta2, v1beta1, v1alpha1, then others by name. */
export function compareVersions(a: string, b: string): number {
  const [rankA, rankB] = [versionRank(a), versionRank(b)];
  for (const [index, rank] of rankA.entries()) {
    const difference = (rankB[index] ?? 0) - rank;
    if (difference !== 0) return difference;
  }
  return a < b ? -1 : Number(a > b);
}

function versionRank(version: string): [number, number, number] {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (match === null) return [0, 0, 0];
  const [, major, stage, minor] = match;
  const stageRank = stage === undefined ? 3 : stage === "beta" ? 2 : 1;
  return [stageRank, Number(major), Number(minor ?? 0)];
}
