import { isRecord, setField, type JsonObject } from "../api-object.ts";
import type { ListShape, Shape } from "./shape.ts";

// A field that can have owners is known by its path: the elements of `fieldsV1`, joined. `f:spec`, `f:replicas` is a field,
// `k:{"name":"c"}` an item of a list with keys, `v:"x"` an item of a set.

const separator = "\0";

/** A path as one string, so that sets of fields are sets of strings. */
export type FieldPath = string;
export type FieldSet = ReadonlySet<FieldPath>;

/** What is in an object at each path that can have owners. */
export type Leaves = ReadonlyMap<FieldPath, unknown>;

interface Collecting {
  readonly leaves: Map<FieldPath, unknown>;
  readonly report: (path: FieldPath, problem: string) => void;
}

/** All paths of an object with their values; `report` hears of fields the shape does not have, and of repeated items. */
export function leavesOf(
  object: JsonObject,
  shape: Shape,
  report: (path: FieldPath, problem: string) => void = () => undefined,
): Leaves {
  const collecting = { leaves: new Map<FieldPath, unknown>(), report };
  collectFields(object, { shape, path: "" }, collecting);
  return collecting.leaves;
}

interface Place {
  readonly shape: Shape;
  readonly path: FieldPath;
}

function collect(value: unknown, place: Place, collecting: Collecting): void {
  const { shape, path } = place;
  if (isRecord(value) && !shape.isAtomic && Object.keys(value).length > 0) collectFields(value, place, collecting);
  else if (Array.isArray(value) && value.length > 0 && shape.list !== undefined) {
    collectItems(value, { path, list: shape.list }, collecting);
  } else collecting.leaves.set(path, value);
}

function collectFields(object: JsonObject, { shape, path }: Place, collecting: Collecting): void {
  for (const [name, value] of Object.entries(object)) {
    if (value === undefined) continue;
    const below = shape.field(name);
    if (below === undefined) collecting.report(joined(path, `f:${name}`), "field not declared in schema");
    else collect(value, { shape: below, path: joined(path, `f:${name}`) }, collecting);
  }
}

function collectItems(
  items: readonly unknown[],
  { path, list }: { path: FieldPath; list: ListShape },
  collecting: Collecting,
): void {
  for (const item of items) {
    const element = elementOf(item, list);
    const at = joined(path, element);
    if (collecting.leaves.has(at)) {
      collecting.report(path, `duplicate entries for key ${elementText(element)}`);
      continue;
    }
    const isGranular = isRecord(item) && list.keys.length > 0 && !list.item.isAtomic;
    collecting.leaves.set(at, isGranular ? undefined : item);
    if (isGranular) collectFields(item, { shape: list.item, path: at }, collecting);
  }
}

function joined(path: FieldPath, element: string): FieldPath {
  return path === "" ? element : path + separator + element;
}

/** Whether the first path leads to something within what the second leads to. */
export function isBelow(path: FieldPath, above: FieldPath): boolean {
  return path.startsWith(above + separator);
}

/** What tells an item of a list from the others. */
export function elementOf(item: unknown, { keys, keyDefault }: ListShape): string {
  if (keys.length === 0) return `v:${JSON.stringify(item)}`;
  const values: JsonObject = {};
  for (const key of [...keys].sort()) {
    const value = (isRecord(item) ? item[key] : undefined) ?? keyDefault(key);
    if (value !== undefined) values[key] = value;
  }
  return `k:${JSON.stringify(values)}`;
}

/** A path as users read it: `.spec.containers[name="c"].image`. */
export function pathText(path: FieldPath): string {
  return path.split(separator).map(elementText).join("");
}

function elementText(element: string): string {
  const text = element.slice(2);
  if (element.startsWith("f:")) return `.${text}`;
  if (element.startsWith("v:")) return `[=${text}]`;
  const keys = Object.entries(parseElement(text)).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return `[${keys.join(",")}]`;
}

function parseElement(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}

/** Fields by element, as `fieldsV1` nests them. */
export interface FieldTree {
  isMember: boolean;
  readonly children: Map<string, FieldTree>;
}

export function treeOf(fields: Iterable<FieldPath>): FieldTree {
  const root: FieldTree = { isMember: false, children: new Map() };
  for (const path of fields) {
    let node = root;
    for (const element of path.split(separator)) {
      let child = node.children.get(element);
      if (child === undefined) node.children.set(element, (child = { isMember: false, children: new Map() }));
      node = child;
    }
    node.isMember = true;
  }
  return root;
}

export function fieldsV1Of(fields: FieldSet): JsonObject {
  return encodeTree(treeOf([...fields].sort()));
}

function encodeTree({ isMember, children }: FieldTree): JsonObject {
  const encoded: JsonObject = {};
  if (isMember && children.size > 0) encoded["."] = {};
  for (const [element, child] of children) setField(encoded, element, encodeTree(child));
  return encoded;
}

/** The set that a `fieldsV1` stands for. */
export function parseFieldsV1(fieldsV1: unknown): Set<FieldPath> {
  const fields = new Set<FieldPath>();
  if (isRecord(fieldsV1)) decodeTree(fieldsV1, "", fields);
  return fields;
}

function decodeTree(encoded: JsonObject, path: FieldPath, fields: Set<FieldPath>): void {
  for (const [element, below] of Object.entries(encoded)) {
    if (element === ".") {
      if (path !== "") fields.add(path);
    } else if (isRecord(below) && /^[fkv]:/.test(element)) {
      const at = joined(path, element);
      if (Object.keys(below).length === 0) fields.add(at);
      else decodeTree(below, at, fields);
    }
  }
}
