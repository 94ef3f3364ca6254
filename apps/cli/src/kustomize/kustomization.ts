import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseDocument } from "yaml";
import { type Fields, isFields, KustomizeError } from "./manifest.ts";

export interface LabelRule {
  pairs: Record<string, string>;
  includeSelectors: boolean;
  includeTemplates: boolean;
}

export interface ImageRule {
  name: string;
  newName?: string;
  newTag?: string;
  digest?: string;
}

export interface PatchTarget {
  group?: string;
  version?: string;
  kind?: string;
  name?: string;
  namespace?: string;
  labelSelector?: string;
}

export interface PatchRule {
  path?: string;
  patch?: string;
  target?: PatchTarget;
}

export interface ReplicaRule {
  name: string;
  count: number;
}

/** The fields of a kustomization.yaml that this renderer understands. */
export interface Kustomization {
  readonly file: string;
  resources: string[];
  components: string[];
  namespace?: string;
  labels: LabelRule[];
  images: ImageRule[];
  patches: PatchRule[];
  replicas: ReplicaRule[];
}

const fieldNames = [
  "apiVersion",
  "kind",
  "resources",
  "components",
  "namespace",
  "labels",
  "images",
  "patches",
  "replicas",
];
const entryFields = {
  labels: ["pairs", "includeSelectors", "includeTemplates"],
  images: ["name", "newName", "newTag", "digest"],
  patches: ["path", "patch", "target"],
  replicas: ["name", "count"],
};

/** Reads the kustomization.yaml of a directory. @throws KustomizeError for a field that is not supported, by name. */
export function readKustomization(directory: string): Kustomization {
  const file = join(directory, "kustomization.yaml");
  if (!existsSync(file)) throw new KustomizeError(`${directory} has no kustomization.yaml`);
  const fields = parseFields(file);
  refuseUnknown(fields, fieldNames, file);
  const entries = (name: keyof typeof entryFields): Fields[] => {
    const list = listOf(fields, name, file);
    return list.map((entry) => {
      if (!isFields(entry)) throw new KustomizeError(`${file}: an entry of ${name} is not a mapping`);
      refuseUnknown(entry, entryFields[name], `${file}: ${name}`);
      return entry;
    });
  };
  return {
    file,
    resources: listOf(fields, "resources", file).map(String),
    components: listOf(fields, "components", file).map(String),
    ...(typeof fields.namespace === "string" && { namespace: fields.namespace }),
    labels: entries("labels").map((entry) => ({
      pairs: entry.pairs as Record<string, string>,
      includeSelectors: entry.includeSelectors === true,
      includeTemplates: entry.includeTemplates === true || entry.includeSelectors === true,
    })),
    images: entries("images").map((entry) => entry as Fields & ImageRule),
    patches: entries("patches"),
    replicas: entries("replicas").map((entry) => entry as Fields & ReplicaRule),
  };
}

/** Parses a YAML file with one mapping. */
function parseFields(file: string): Fields {
  const document = parseDocument(readFileSync(file, "utf8"));
  const [error] = document.errors;
  if (error !== undefined) throw new KustomizeError(`${file}: ${error.message}`);
  const fields: unknown = document.toJS();
  if (!isFields(fields)) throw new KustomizeError(`${file}: not a mapping`);
  return fields;
}

function listOf(fields: Fields, name: string, file: string): unknown[] {
  const value = fields[name] ?? [];
  if (!Array.isArray(value)) throw new KustomizeError(`${file}: ${name} is not a list`);
  return value;
}

function refuseUnknown(fields: Fields, known: readonly string[], origin: string): void {
  const unknown = Object.keys(fields).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new KustomizeError(`${origin}: "${unknown}" is not supported here; known are ${known.join(", ")}`);
}
