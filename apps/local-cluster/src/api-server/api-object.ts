// The shape of every object inside the API server: plain JSON with metadata. What is stored is deeply frozen,
// so that readers, watchers and the log may share it without copies.

/** Any JSON object. */
export type JsonObject = Record<string, unknown>;

/** `metadata` as the API server knows it. Unknown fields are dropped on every write. */
export interface Metadata {
  name?: string;
  generateName?: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
  managedFields?: ManagedFieldsEntry[];
}

/** What one manager owns of an object. */
export interface ManagedFieldsEntry {
  manager: string;
  operation: "Apply" | "Update";
  apiVersion: string;
  time?: string;
  fieldsType: "FieldsV1";
  fieldsV1: JsonObject;
  subresource?: string;
}

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** One Kubernetes object. */
export interface ApiObject {
  apiVersion: string;
  kind: string;
  metadata: Metadata;
  [field: string]: unknown;
}

export function isRecord(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value at a path of fields, `undefined` as soon as one is missing. */
export function valueAt(value: unknown, ...path: string[]): unknown {
  let current: unknown = value;
  for (const field of path) {
    if (!isRecord(current) || !Object.hasOwn(current, field)) return undefined;
    current = current[field];
  }
  return current;
}

/** The object at a path, or an empty one (not attached) when there is none. */
export function recordAt(value: unknown, ...path: string[]): JsonObject {
  const found = valueAt(value, ...path);
  return isRecord(found) ? found : {};
}

/** The list of objects at a path; anything else in the list is left out. */
export function recordsAt(value: unknown, ...path: string[]): JsonObject[] {
  return listAt(value, ...path).filter(isRecord);
}

export function listAt(value: unknown, ...path: string[]): unknown[] {
  const found = valueAt(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** The string at a path, empty when there is none. */
export function stringAt(value: unknown, ...path: string[]): string {
  const found = valueAt(value, ...path);
  return typeof found === "string" ? found : "";
}

export function numberAt(value: unknown, ...path: string[]): number | undefined {
  const found = valueAt(value, ...path);
  return typeof found === "number" ? found : undefined;
}

/** The object in a field, made and attached when there is none. */
export function ensureRecord(parent: JsonObject, field: string): JsonObject {
  const found = parent[field];
  if (isRecord(found)) return found;
  const made: JsonObject = {};
  parent[field] = made;
  return made;
}

/** Sets a field that is absent (or empty, as Go's zero values are). */
export function defaultField(parent: JsonObject, field: string, value: unknown): void {
  const found = parent[field];
  if (found === undefined || found === null || found === "") parent[field] = value;
}

/** A deep, mutable copy of JSON. */
export function copyJson<T>(value: T): T {
  return copyUnknown(value) as T;
}

function copyUnknown(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyUnknown);
  if (!isRecord(value)) return value;
  const copy: JsonObject = {};
  for (const field of Object.keys(value)) setField(copy, field, copyUnknown(value[field]));
  return copy;
}

/** Assigns a field; `__proto__` becomes an ordinary field as in any JSON. */
export function setField(target: JsonObject, field: string, value: unknown): void {
  if (field === "__proto__") {
    Object.defineProperty(target, field, { value, enumerable: true, configurable: true, writable: true });
  } else {
    target[field] = value;
  }
}

/** Freezes JSON to the leaves. What is frozen already is taken as frozen throughout. */
export function freezeJson<T>(value: T): T {
  freezeUnknown(value);
  return value;
}

function freezeUnknown(value: unknown): void {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return;
  for (const child of Object.values(value)) freezeUnknown(child);
  Object.freeze(value);
}

// Stored objects are frozen and shared by the log and all readers, so their text is made once.
const texts = new WeakMap<ApiObject, string>();

/** An object as JSON text. */
export function textOf(object: ApiObject): string {
  if (!Object.isFrozen(object)) return JSON.stringify(object);
  let text = texts.get(object);
  if (text === undefined) texts.set(object, (text = JSON.stringify(object)));
  return text;
}

/** Equality of JSON; the order of fields does not count, a field that is `undefined` equals an absent one. */
export function equalJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => equalJson(item, b[index]));
  }
  if (!isRecord(a) || !isRecord(b)) return false;
  for (const field of Object.keys(a)) if (!equalJson(a[field], ownValue(b, field))) return false;
  for (const field of Object.keys(b)) if (b[field] !== undefined && ownValue(a, field) === undefined) return false;
  return true;
}

function ownValue(object: JsonObject, field: string): unknown {
  return Object.hasOwn(object, field) ? object[field] : undefined;
}
