import {
  equalJson,
  isRecord,
  valueAt,
  type ApiObject,
  type JsonObject,
  type ManagedFieldsEntry,
} from "../api-object.ts";
import { apiVersionOf, type Resource } from "../resource.ts";
import {
  fieldsV1Of,
  isBelow,
  leavesOf,
  parseFieldsV1,
  type FieldPath,
  type FieldSet,
  type Leaves,
} from "./field-paths.ts";
import { shapeOf } from "./shape.ts";

// Who owns which field, as `metadata.managedFields` tells. It is kept only for objects that were applied server-side: for
// all others nothing depends on it, and their writers need not pay for it.

/** Who writes, and where. */
export interface FieldOwner {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  readonly subresource: string;
}

export interface Ownership extends FieldOwner {
  readonly time: string;
  readonly fields: FieldSet;
}

export const lastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration";

const systemFields = [
  "name",
  "namespace",
  "uid",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "generateName",
  "generation",
  "resourceVersion",
  "managedFields",
  "selfLink",
];

/** What of an object can have owners in a write to the object itself, to its status or to its scale. */
export function ownablePart(resource: Resource, object: JsonObject, subresource: string): JsonObject {
  if (subresource === "status") return object["status"] === undefined ? {} : { status: object["status"] };
  if (subresource === "scale") return onlyAt(object, resource.scale?.specReplicas ?? []);
  const part = { ...object };
  for (const field of ["apiVersion", "kind", "metadata"]) delete part[field];
  if (resource.hasStatus) delete part["status"];
  const metadata = isRecord(object["metadata"]) ? ownableMetadata(object["metadata"]) : {};
  return Object.keys(metadata).length === 0 ? part : { ...part, metadata };
}

/** Labels and their like are not kept when they are empty, so nobody can own that they are there. */
function ownableMetadata(metadata: JsonObject): JsonObject {
  const entries = Object.entries(metadata).filter(([name, value]) => !systemFields.includes(name) && !isEmpty(value));
  return Object.fromEntries(entries) as JsonObject;
}

/** The object with nothing in it but what is at a path. */
function onlyAt(object: JsonObject, path: readonly string[]): JsonObject {
  const value = valueAt(object, ...path);
  if (value === undefined) return {};
  return path.toReversed().reduce<unknown>((inner, field) => ({ [field]: inner }), value) as JsonObject;
}

export function ownableLeaves(resource: Resource, object: JsonObject, subresource: string): Leaves {
  const part = ownablePart(resource, object, subresource);
  return Object.keys(part).length === 0 ? new Map() : leavesOf(part, shapeOf(resource));
}

export function isSameOwner(a: FieldOwner, b: FieldOwner): boolean {
  return a.manager === b.manager && a.operation === b.operation && a.subresource === b.subresource;
}

export function parseOwnerships(entries: readonly ManagedFieldsEntry[] = []): Ownership[] {
  return entries.map(({ manager, operation, apiVersion, time = "", subresource = "", fieldsV1 }) => {
    return { manager, operation, apiVersion, time, subresource, fields: parseFieldsV1(fieldsV1) };
  });
}

/** As entries of `managedFields`, in upstream's order. Who owns nothing is left out. */
export function entriesOf(ownerships: readonly Ownership[]): ManagedFieldsEntry[] {
  return ownerships
    .filter(({ fields }) => fields.size > 0)
    .toSorted(byOperationAndTime)
    .map(({ manager, operation, apiVersion, time, subresource, fields }) => ({
      manager,
      operation,
      apiVersion,
      ...(time === "" ? {} : { time }),
      fieldsType: "FieldsV1",
      fieldsV1: fieldsV1Of(fields),
      ...(subresource === "" ? {} : { subresource }),
    }));
}

function byOperationAndTime(a: Ownership, b: Ownership): number {
  const text = ({ operation, time, manager }: Ownership): string => `${operation}\0${time}\0${manager}`;
  return text(a) < text(b) ? -1 : 1;
}

export interface Changes {
  /** New, or with another value. */
  readonly changed: FieldSet;
  readonly removed: FieldSet;
}

export function compareLeaves(before: Leaves, after: Leaves): Changes {
  const changed = [...after].filter(([path, value]) => {
    return before.has(path) ? !equalJson(before.get(path), value) : !isHollowed(path, value, before);
  });
  const removed = [...before].filter(([path, value]) => !after.has(path) && !isHollowed(path, value, after));
  return { changed: new Set(changed.map(([path]) => path)), removed: new Set(removed.map(([path]) => path)) };
}

/** Whether it is an object or list that was empty on one side only: what changed are its fields, not that it is there. */
function isHollowed(path: FieldPath, value: unknown, others: Leaves): boolean {
  return isEmpty(value) && [...others.keys()].some((other) => isBelow(other, path));
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

const updateOwnersMax = 10;

/** The entries after an update by `owner`: what it changed is its own now, what is gone is nobody's. */
export function trackUpdate(
  resource: Resource,
  { current, next }: { current: ApiObject; next: ApiObject },
  { owner, time }: { owner: FieldOwner; time: string },
): ManagedFieldsEntry[] {
  const before = ownableLeaves(resource, current, owner.subresource);
  const { changed, removed } = compareLeaves(before, ownableLeaves(resource, next, owner.subresource));
  const entries = next.metadata.managedFields ?? [];
  if (changed.size === 0 && removed.size === 0) return entries;
  const ownerships = parseOwnerships(entries);
  const own = ownerships.find((other) => isSameOwner(other, owner));
  const others = ownerships
    .filter((other) => other !== own)
    .map((other) => ({ ...other, fields: other.fields.difference(changed).difference(removed) }));
  const fields = (own?.fields ?? new Set<FieldPath>()).union(changed).difference(removed);
  return entriesOf(withinLimit([...others, { ...owner, time, fields }]));
}

/** Many names that each update once would grow the object for ever; the oldest share one entry. */
function withinLimit(ownerships: readonly Ownership[]): Ownership[] {
  const updates = ownerships.filter(({ operation, fields }) => operation === "Update" && fields.size > 0);
  const excess = updates.length - updateOwnersMax;
  if (excess <= 0) return [...ownerships];
  const old = updates.toSorted(byOperationAndTime).slice(0, excess + 1);
  const ancient = old.reduce(
    (all, { fields, time, ...owner }) => {
      return { ...owner, manager: "ancient-changes", time, fields: all.fields.union(fields) };
    },
    old[0] ?? {
      manager: "",
      operation: "Update",
      apiVersion: "",
      subresource: "",
      time: "",
      fields: new Set<FieldPath>(),
    },
  );
  return [...ownerships.filter((ownership) => !old.includes(ownership)), ancient];
}

/** The owners of an object at its first server-side apply: whoever made it before, and kubectl of what it applied itself. */
export function ownersBeforeFirstApply(resource: Resource, live: ApiObject): Ownership[] {
  const fields = new Set(ownableLeaves(resource, live, "").keys());
  const applied = appliedByKubectl(resource, live);
  const owner = { operation: "Update", apiVersion: apiVersionOf(resource), subresource: "" } as const;
  const time = live.metadata.creationTimestamp ?? "";
  const byKubectl = fields.intersection(new Set(applied.keys()));
  return [
    { ...owner, manager: "before-first-apply", time, fields: fields.difference(byKubectl) },
    { ...owner, manager: "kubectl-client-side-apply", time, fields: byKubectl },
  ].filter(({ fields: owned }) => owned.size > 0) as Ownership[];
}

/** What `kubectl apply` without `--server-side` noted as applied; empty when it was not used. */
export function appliedByKubectl(resource: Resource, live: ApiObject): Leaves {
  const text = live.metadata.annotations?.[lastAppliedAnnotation];
  if (text === undefined) return new Map();
  try {
    const applied: unknown = JSON.parse(text);
    const leaves = new Map(isRecord(applied) ? ownableLeaves(resource, applied, "") : []);
    leaves.set(["f:metadata", "f:annotations", `f:${lastAppliedAnnotation}`].join("\0"), text);
    return leaves;
  } catch {
    // Anybody may have written the annotation; one that is no JSON tells nothing.
    return new Map();
  }
}
