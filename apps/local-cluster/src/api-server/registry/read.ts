import type { StoreEvent } from "../../storage/store.ts";
import { RevisionExpiredError } from "../../storage/store.ts";
import type { ApiObject } from "../api-object.ts";
import { parseSelectors, type Matcher, type Selectors } from "../reading/selectors.ts";
import { viewOf } from "../resource.ts";
import { badRequest, expired, notFound } from "../status-error.ts";
import { storeKey } from "./create.ts";
import type { Registry, RequestScope } from "./request.ts";

/** @throws StatusError 404. */
export function getObject(registry: Registry, scope: RequestScope, name: string): ApiObject {
  const found = registry.store.get(storeKey(scope.resource, scope.namespace, name));
  if (found === undefined) throw notFound(scope.resource, name);
  return viewOf(scope.resource, found);
}

export interface ObjectList {
  /** Frozen and shared: do not change them. */
  readonly items: readonly ApiObject[];
  /** That of the whole store at the time of reading, so that a watch from here misses nothing. */
  readonly resourceVersion: string;
}

/** All objects that match, in key order. @throws StatusError 400 for a selector that cannot be read. */
export function listObjects(registry: Registry, scope: RequestScope, selectors: Selectors): ObjectList {
  const { resource, namespace } = scope;
  const matches = parseSelectors(resource, selectors);
  const stored = registry.store.list(
    resource.storageType,
    resource.namespaced && namespace !== "" ? namespace : undefined,
  );
  const items = stored.filter((object) => matches?.(object) ?? true).map((object) => viewOf(resource, object));
  return { items, resourceVersion: String(registry.store.revision) };
}

export interface ObjectEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: ApiObject;
}

/**
 * Calls `listener` for each change after `resourceVersion` of what the selectors match. An object that comes to match is ADDED;
 * one that no longer does is DELETED, with its last matching content and the new resourceVersion.
 *
 * @throws StatusError 410 Expired when the history does not reach back that far.
 */
export function watchObjects(
  registry: Registry,
  scope: RequestScope,
  watch: { selectors: Selectors; resourceVersion: string; listener: (event: ObjectEvent) => void },
): () => void {
  const { resource, namespace } = scope;
  const matches = parseSelectors(resource, watch.selectors);
  const onEvent = (event: StoreEvent): void => {
    if (resource.namespaced && namespace !== "" && event.object.metadata.namespace !== namespace) return;
    const selected = selectEvent(event, matches);
    if (selected !== undefined) watch.listener({ type: selected.type, object: viewOf(resource, selected.object) });
  };
  try {
    return registry.store.watch(resource.storageType, parseRevision(watch.resourceVersion), onEvent);
  } catch (error) {
    throw error instanceof RevisionExpiredError ? expired(error.message) : error;
  }
}

export function parseRevision(text: string): number {
  if (!/^\d{1,16}$/.test(text)) throw badRequest(`Invalid value: "${text}": must be a number as a resource version`);
  return Number(text);
}

function selectEvent(event: StoreEvent, matches: Matcher | undefined): ObjectEvent | undefined {
  if (matches === undefined) return event;
  const isMatch = event.type !== "DELETED" && matches(event.object);
  const wasMatch = event.previous !== undefined && matches(event.previous);
  if (isMatch) return { type: wasMatch ? "MODIFIED" : "ADDED", object: event.object };
  if (!wasMatch || event.previous === undefined) return undefined;
  return { type: "DELETED", object: event.type === "DELETED" ? event.object : leftSelection(event, event.previous) };
}

function leftSelection(event: StoreEvent, previous: ApiObject): ApiObject {
  const metadata = { ...previous.metadata, resourceVersion: String(event.revision) };
  return Object.freeze({ ...previous, metadata: Object.freeze(metadata) });
}
