import type { ApiObject } from "../api-server/api-object.ts";
import { freezeJson, textOf } from "../api-server/api-object.ts";
import type { Journal, JournalState } from "./journal.ts";

/** One change of one object. `object` of a DELETED event carries the revision of the deletion. */
export interface StoreEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly revision: number;
  readonly object: ApiObject;
  /** What it was before; absent for ADDED. */
  readonly previous?: ApiObject;
}

/** Names one object of one stored type, such as `apps/deployments`. */
export interface StoreKey {
  readonly type: string;
  /** Empty for cluster-scoped types. */
  readonly namespace: string;
  readonly name: string;
}

/** The history does not reach back to the revision that was asked for: the reader has to list again. */
export class RevisionExpiredError extends Error {
  override readonly name = "RevisionExpiredError";
  readonly oldestRevision: number;

  constructor(revision: number, oldestRevision: number) {
    super(`too old resource version: ${revision} (${oldestRevision})`);
    this.oldestRevision = oldestRevision;
  }
}

/** What an object may be long as JSON text. */
export const objectLengthMax = 3 * 1024 * 1024;

/** An object has become too large to be stored. */
export class ObjectTooLargeError extends Error {
  override readonly name = "ObjectTooLargeError";
}

/**
 * All objects of the cluster, in memory, under one revision counter that never goes back.
 * Reads and commits are synchronous: whoever reads, decides and commits without awaiting needs no lock.
 * Objects are frozen by the commit and shared from then on.
 */
export interface Store {
  readonly revision: number;
  get(key: StoreKey): ApiObject | undefined;
  /** In key order (namespace, then name, by bytes). */
  list(type: string, namespace?: string): ApiObject[];
  /**
   * Creates or replaces; stamps the next revision into the object and returns it frozen.
   *
   * @throws JournalWriteError when the disk takes no writes, ObjectTooLargeError. Nothing has changed then.
   */
  put(key: StoreKey, object: ApiObject): ApiObject;
  /** Removes; the returned last state carries the revision of the removal. @throws JournalWriteError as `put` */
  remove(key: StoreKey, last: ApiObject): ApiObject;
  /**
   * Calls `listener` synchronously for each change after `revision`, first for those already past.
   * @throws RevisionExpiredError when the history of the type no longer holds all of them.
   */
  watch(type: string, revision: number, listener: (event: StoreEvent) => void): () => void;
  /**
   * Resolves once all that was committed before the call would survive a crash; at once for a type that is not kept anyway.
   *
   * @throws JournalWriteError
   */
  durable(type?: string): Promise<void>;
  close(): Promise<void>;
}

/** Events kept per type for watches that resume. Beyond it they are told to list again. */
const historyEventsMax = 2_048;
const historyEventsKept = 1_024;

interface Table {
  readonly objects: Map<string, ApiObject>;
  /** Keys of what was recovered and is not frozen yet: whoever reads it first does that, for at the start everybody waits. */
  readonly unread: Set<string>;
  /** Built at the first list after a key came or went. */
  sortedKeys: string[] | undefined;
  history: StoreEvent[];
  /** A watch from here on is complete. */
  compactedRevision: number;
  readonly listeners: Set<(event: StoreEvent) => void>;
}

export interface StoreOptions {
  readonly journal?: Journal;
  readonly initial?: JournalState;
  /** Types kept in memory only; their churn (leases, events) would dominate the log. */
  readonly volatileTypes?: ReadonlySet<string>;
}

/** Opens a store over what the journal recovered. Without a journal it lives in memory only. */
export function openStore(options: StoreOptions = {}): Store {
  const { journal, initial, volatileTypes = new Set<string>() } = options;
  const startRevision = initial?.revision ?? 1;
  const tables = new Map<string, Table>();
  let revision = startRevision;

  function tableOf(type: string): Table {
    let table = tables.get(type);
    if (table === undefined) tables.set(type, (table = emptyTable(startRevision)));
    return table;
  }

  for (const { type, key, object } of initial?.objects ?? []) {
    const { objects, unread } = tableOf(type);
    objects.set(key, object);
    unread.add(key);
  }

  function commit(type: string, key: string, event: StoreEvent): void {
    const table = tableOf(type);
    if (event.type === "MODIFIED") {
      table.objects.set(key, event.object);
    } else {
      if (event.type === "ADDED") table.objects.set(key, event.object);
      else table.objects.delete(key);
      table.sortedKeys = undefined;
    }
    remember(table, event);
    if (!volatileTypes.has(type)) {
      journal?.append({ type, key, revision, object: event.type === "DELETED" ? undefined : event.object });
    }
    for (const listener of table.listeners) listener(event);
  }

  function nextRevision(type: string, object: ApiObject): ApiObject {
    if (!volatileTypes.has(type)) journal?.requireWritable();
    journal?.reserve(revision + 1);
    object.metadata.resourceVersion = String(revision + 1);
    const stored = freezeJson(object);
    if (textOf(stored).length > objectLengthMax)
      throw new ObjectTooLargeError(`the object is longer than ${objectLengthMax} characters`);
    revision += 1;
    return stored;
  }

  return {
    get revision() {
      return revision;
    },
    get: ({ type, namespace, name }) => objectAt(tables.get(type), `${namespace}/${name}`),
    list: (type, namespace) => listTable(tables.get(type), namespace),
    put({ type, namespace, name }, object) {
      const key = `${namespace}/${name}`;
      const previous = objectAt(tableOf(type), key);
      const stored = nextRevision(type, object);
      if (previous === undefined) commit(type, key, { type: "ADDED", revision, object: stored });
      else commit(type, key, { type: "MODIFIED", revision, object: stored, previous });
      return stored;
    },
    remove({ type, namespace, name }, last) {
      const key = `${namespace}/${name}`;
      const previous = objectAt(tableOf(type), key) ?? last;
      const stored = nextRevision(type, last);
      commit(type, key, { type: "DELETED", revision, object: stored, previous });
      return stored;
    },
    watch: (type, from, listener) => watchTable(tableOf(type), from, { current: revision, listener }),
    durable: (type = "") => (volatileTypes.has(type) ? undefined : journal?.durable()) ?? Promise.resolve(),
    close: () => journal?.close() ?? Promise.resolve(),
  };
}

function emptyTable(compactedRevision: number): Table {
  return {
    objects: new Map(),
    unread: new Set(),
    sortedKeys: undefined,
    history: [],
    compactedRevision,
    listeners: new Set(),
  };
}

function objectAt(table: Table | undefined, key: string): ApiObject | undefined {
  const found = table?.objects.get(key);
  return found !== undefined && table?.unread.delete(key) === true ? freezeJson(found) : found;
}

function remember(table: Table, event: StoreEvent): void {
  table.history.push(event);
  if (table.history.length <= historyEventsMax) return;
  const dropped = table.history.length - historyEventsKept;
  table.compactedRevision = table.history[dropped - 1]?.revision ?? table.compactedRevision;
  table.history = table.history.slice(dropped);
}

function listTable(table: Table | undefined, namespace: string | undefined): ApiObject[] {
  if (table === undefined) return [];
  table.sortedKeys ??= [...table.objects.keys()].sort(compareBytes);
  const prefix = namespace === undefined ? "" : `${namespace}/`;
  const found: ApiObject[] = [];
  for (const key of table.sortedKeys) {
    if (!key.startsWith(prefix)) continue;
    const object = objectAt(table, key);
    if (object !== undefined) found.push(object);
  }
  return found;
}

// Keys are ASCII, so the order of UTF-16 units is the order of bytes.
function compareBytes(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function watchTable(
  table: Table,
  from: number,
  { current, listener }: { current: number; listener: (event: StoreEvent) => void },
): () => void {
  // A revision from the future can only come from another life of this server; waiting for it would be waiting for ever.
  if (from < table.compactedRevision || from > current) throw new RevisionExpiredError(from, table.compactedRevision);
  for (const event of table.history) if (event.revision > from) listener(event);
  table.listeners.add(listener);
  return () => table.listeners.delete(listener);
}
