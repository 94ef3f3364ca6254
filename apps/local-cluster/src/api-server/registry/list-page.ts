import { RevisionExpiredError, type Store, type StoreEvent } from "../../storage/store.ts";
import { isRecord, type ApiObject } from "../api-object.ts";
import { parseSelectors, type Selectors } from "../reading/selectors.ts";
import { viewOf } from "../resource.ts";
import { badRequest, expired, tooLargeRevision } from "../status-error.ts";
import { parseRevision, type ObjectList } from "./read.ts";
import type { Registry, RequestScope } from "./request.ts";

// Lists in pages. All pages show the state of the first one: later changes are taken back with the help of the history that
// watches resume from. When that no longer reaches back, the client gets a token for the rest as it is by then.

export interface ListOptions extends Selectors {
  /** At most so many items; 0 means all. */
  readonly limit: number;
  readonly continueToken: string;
  /** Empty or "0": any state will do. */
  readonly resourceVersion: string;
  readonly isExact: boolean;
}

export interface ListPage extends ObjectList {
  readonly continueToken?: string;
  readonly remainingItemCount?: number;
}

/** Lists what matches, or the first part of it. @throws StatusError 400, 410 when the asked state is gone, 504 when it is yet to come. */
export function listPage(registry: Registry, scope: RequestScope, options: ListOptions): ListPage {
  const { resource } = scope;
  const { store } = registry;
  const namespace = resource.namespaced && scope.namespace !== "" ? scope.namespace : undefined;
  const token = options.continueToken === "" ? undefined : parseToken(options.continueToken);
  const revision = revisionOf(store, options, token);
  const matches = parseSelectors(resource, options);
  const after = token?.start ?? "";
  const stored = objectsAt(store, { type: resource.storageType, namespace, revision }, after);
  const found = stored.filter((object) => keyOf(object) > after && (matches?.(object) ?? true));
  const isWhole = options.limit === 0 || found.length <= options.limit;
  const page = isWhole ? found : found.slice(0, options.limit);
  const last = page.at(-1);
  return {
    items: page.map((object) => viewOf(resource, object)),
    resourceVersion: String(revision),
    ...(isWhole || last === undefined ? {} : { continueToken: makeToken({ revision, start: keyOf(last) }) }),
    // What is left after a selection is unknown upstream, and clients are told not to expect it.
    ...(isWhole || matches !== undefined ? {} : { remainingItemCount: found.length - page.length }),
  };
}

function revisionOf(store: Store, options: ListOptions, token: Token | undefined): number {
  if (token !== undefined) return token.revision === latest ? store.revision : token.revision;
  if (options.resourceVersion === "") return store.revision;
  const asked = parseRevision(options.resourceVersion);
  if (asked > store.revision) throw tooLargeRevision(asked, store.revision);
  return options.isExact ? asked : store.revision;
}

interface State {
  readonly type: string;
  readonly namespace: string | undefined;
  readonly revision: number;
}

/** The objects as they were at a revision, in key order. */
function objectsAt(store: Store, { type, namespace, revision }: State, after: string): ApiObject[] {
  const current = store.list(type, namespace);
  const later = eventsAfter(store, { type, revision }, after);
  if (later.length === 0) return current;
  const objects = new Map(current.map((object) => [keyOf(object), object]));
  for (const { object, previous } of later.toReversed()) {
    if (namespace !== undefined && object.metadata.namespace !== namespace) continue;
    if (previous === undefined) objects.delete(keyOf(object));
    else objects.set(keyOf(object), previous);
  }
  return [...objects].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
}

function eventsAfter(store: Store, { type, revision }: Omit<State, "namespace">, after: string): StoreEvent[] {
  const events: StoreEvent[] = [];
  if (revision === store.revision) return events;
  try {
    store.watch(type, revision, (event) => events.push(event))();
  } catch (error) {
    if (!(error instanceof RevisionExpiredError)) throw error;
    if (after === "") throw expired(error.message);
    throw expired(
      "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.",
      makeToken({ revision: latest, start: after }),
    );
  }
  return events;
}

function keyOf({ metadata }: ApiObject): string {
  return `${metadata.namespace ?? ""}/${metadata.name ?? ""}`;
}

interface Token {
  readonly revision: number;
  /** The key of the last object that was shown. */
  readonly start: string;
}

const latest = -1;

function makeToken({ revision, start }: Token): string {
  return Buffer.from(JSON.stringify({ v: "meta.k8s.io/v1", rv: revision, start })).toString("base64url");
}

function parseToken(text: string): Token {
  const { v, rv, start } = parseTokenJson(Buffer.from(text, "base64url").toString());
  const isKnown = v === "meta.k8s.io/v1" && typeof start === "string" && start !== "";
  if (!isKnown || !Number.isSafeInteger(rv) || Number(rv) < latest) throw badRequest("continue key is not valid");
  return { revision: Number(rv), start };
}

function parseTokenJson(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : {};
  } catch {
    throw badRequest("continue key is not valid");
  }
}
