import type { Store } from "../storage/store.ts";
import type { ApiObject, JsonObject } from "./api-object.ts";
import type { StatusCause } from "./status-error.ts";

// What the generic registry knows of a kind. Built-in kinds are rows of kinds.ts, custom ones are made from their CRD;
// nothing else in the API server asks which kind it has before it.

/** One column of the tables that `kubectl get` prints. */
export interface Column {
  readonly name: string;
  readonly type: "string" | "integer" | "number" | "boolean" | "date";
  readonly format?: string;
  /** Above 0 the column is shown by `-o wide` only. */
  readonly priority?: number;
  readonly description?: string;
  /** The cell; `undefined` and `null` print as `<none>`. */
  cell(object: ApiObject, now: Date): unknown;
}

/** An endpoint below an object, such as `pods/{name}/log`. */
export interface Subresource {
  readonly name: string;
  readonly group?: string;
  readonly version?: string;
  readonly kind: string;
  readonly verbs: readonly string[];
}

/** Where a scale lives in the object; `selector` reads the pods' selector as a string. */
export interface ScalePaths {
  readonly specReplicas: readonly string[];
  readonly statusReplicas: readonly string[];
  selector(object: ApiObject): string;
}

export type NameRule = "subdomain" | "label" | "dns1035" | "path";

/** Reads of the moment of the commit: no await lies between these hooks and the write itself. */
export interface CommitContext {
  readonly store: Store;
}

/** How one kind differs from the rest, as plain values. Absent means: nothing special. */
export interface Strategy {
  readonly nameRule: NameRule;
  /** Whether `metadata.generation` counts the changes of everything but metadata and status. */
  readonly hasGeneration: boolean;
  /** Whether PUT without a resourceVersion overwrites. */
  readonly allowsUnconditionalUpdate: boolean;
  /** Brings a decoded body into form: prunes, fills defaults. Runs after decoding and after mutating admission. */
  decode?(object: ApiObject, context: DecodeContext): void;
  /** On create, after status was dropped. */
  prepareCreate?(object: ApiObject): void;
  /** On update of the main resource: what the client may not change is restored from `old`. */
  prepareUpdate?(object: ApiObject, old: ApiObject): void;
  validate?(object: ApiObject, old: ApiObject | undefined): StatusCause[];
  /** Takes what must be unique (cluster addresses) synchronously with the write. */
  allocate?(object: ApiObject, old: ApiObject | undefined, context: CommitContext): void;
  /** Seconds of grace before removal; absent: removed at once. */
  graceSeconds?(object: ApiObject, asked: number | undefined): number;
  /** Field selectors beside metadata.name and metadata.namespace. */
  readonly fieldLabels?: Readonly<Record<string, (object: ApiObject) => string>>;
  /** What becomes of the dependants when a deletion does not say. Absent: they go too, in the background. */
  readonly defaultPropagation?: "Orphan";
  /** A finalizer every new object starts with. */
  readonly finalizer?: string;
  /** Whether something beside the finalizers of its metadata keeps the object from going. */
  isHeld?(object: ApiObject): boolean;
  /** What else changes when deletion begins; the object's fields are shared and must be replaced, not changed. */
  beginDeletion?(object: ApiObject): void;
}

export interface DecodeContext {
  /** Receives each unknown field's path, as in `spec.foo`. */
  readonly unknownField: (path: string) => void;
}

/** How an object is shown by a resource whose objects are stored as those of another one; neither changes what it is given. */
export interface StoredForm {
  toView(stored: ApiObject): ApiObject;
  toStored(view: ApiObject): ApiObject;
}

/** One kind in one version, as it is served. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly listKind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly hasStatus: boolean;
  readonly scale?: ScalePaths;
  /** Those beside status and scale. */
  readonly subresources: readonly Subresource[];
  readonly columns: readonly Column[];
  readonly strategy: Strategy;
  /** The type in the store; versions of one kind share it. */
  readonly storageType: string;
  /** The apiVersion objects are stored at. */
  readonly storageVersion: string;
  /** Present where a stored object has other fields than this resource shows. */
  readonly storedForm?: StoredForm;
  /** Set for kinds of a CustomResourceDefinition: its schema for OpenAPI. */
  readonly customSchema?: JsonObject;
  readonly isCustom: boolean;
  readonly deprecationWarning?: string;
}

/** `v1` or `group/version`. */
export function apiVersionOf({ group, version }: { group: string; version: string }): string {
  return group === "" ? version : `${group}/${version}`;
}

/** The object as this version of its kind shows it. */
export function viewOf(resource: Resource, stored: ApiObject): ApiObject {
  const apiVersion = apiVersionOf(resource);
  if (stored.apiVersion === apiVersion) return stored;
  let views = otherVersionViews.get(stored);
  if (views === undefined) otherVersionViews.set(stored, (views = new Map()));
  let view = views.get(apiVersion);
  if (view === undefined) {
    view = Object.freeze({ ...(resource.storedForm?.toView(stored) ?? stored), apiVersion });
    views.set(apiVersion, view);
  }
  return view;
}

/** The object as it is stored; the other way round of `viewOf`. */
export function storableOf(resource: Resource, view: ApiObject): ApiObject {
  return { ...(resource.storedForm?.toStored(view) ?? view), apiVersion: resource.storageVersion };
}

// Stored objects are frozen, so a view of one may be kept as long as the object itself.
const otherVersionViews = new WeakMap<ApiObject, Map<string, ApiObject>>();

/** Whether a deleted object has to stay: for a finalizer, or for what its kind counts as one. */
export function isHeldBack({ strategy }: Resource, object: ApiObject): boolean {
  return (object.metadata.finalizers ?? []).length > 0 || strategy.isHeld?.(object) === true;
}
