import { randomUUID } from "node:crypto";
import type { Kind, KubeObject, ObjectKey, ObjectMeta } from "@kelvin/api";
import {
  AlreadyExistsError,
  ConflictError,
  deepCopy,
  deepFreeze,
  InvalidError,
  isSemanticallyEqual,
  keyOf,
  NotFoundError,
  parseFieldSelector,
  parseLabelSelector,
  systemClock,
} from "@kelvin/kube";
import type { Clock, DeleteOptions, KubeClient, ListOptions, Patch, WriteOptions } from "@kelvin/kube";
import { applyMergePatch, applyJsonPatch } from "./fake-patch.ts";
import { bucketOf, makeFakeStore } from "./fake-store.ts";
import type { FakeStore } from "./fake-store.ts";
import { watchFake } from "./fake-watch.ts";

/** A write that the fake carried out, in order. */
export interface FakeWrite {
  readonly verb: "create" | "update" | "patch" | "delete";
  readonly kind: string;
  readonly subresource: string | undefined;
  readonly key: ObjectKey;
  /** The object as it was before and is now stored; absent when it did not or does not exist. */
  readonly before: KubeObject | undefined;
  readonly after: KubeObject | undefined;
}

/** A call about to be carried out, for `intercept`. */
export interface FakeCall {
  readonly verb: "get" | "list" | "watch" | "create" | "update" | "patch" | "delete";
  readonly kind: Kind;
  readonly key: ObjectKey | undefined;
  readonly subresource: string | undefined;
}

/** How the fake begins and what it does on the way. */
export interface FakeKubeOptions {
  clock?: Clock;
  /** What is stored at the beginning, as given but for uid, resourceVersion, generation and creationTimestamp if absent. */
  objects?: readonly KubeObject[];
  /** Called before each call; what it throws is the call's result. For faults and for races. */
  intercept?: (call: FakeCall) => void | Promise<void>;
}

/** An in-memory KubeClient that behaves as an API server does, and tells what was written. */
export interface FakeKube extends KubeClient {
  /** All writes so far that changed something. Empty the array to forget them. */
  readonly writes: FakeWrite[];
  /** What is stored of a kind, frozen, in key order. */
  objects<T extends KubeObject>(kind: Kind<T>): T[];
  /** Stores an object as it is, status and all, as another client would; watches see it. Not among `writes`. */
  put(object: KubeObject): void;
  /** Replaces the interceptor. */
  intercept(interceptor: ((call: FakeCall) => void | Promise<void>) | undefined): void;
  /** Ends all watches as a server does that closes connections; informers reconnect. */
  breakWatches(error?: Error): void;
  /** Forgets the history, so that watches from older resource versions expire. */
  compact(): void;
  /** Sends a bookmark to all watches. */
  bookmark(): void;
}

/** Opens an empty fake API server. Kinds need not be registered: any group and kind can be stored. */
export function openFakeKube(options: FakeKubeOptions = {}): FakeKube {
  const store = makeFakeStore();
  const writes: FakeWrite[] = [];
  const fake: Fake = {
    store,
    writes,
    clock: options.clock ?? systemClock,
    intercept: options.intercept,
    watches: new Set(),
  };
  for (const object of options.objects ?? []) putObject(fake, object);
  return {
    ...makeReads(fake),
    ...makeWrites(fake),
    writes,
    objects: <T extends KubeObject>(kind: Kind<T>) => store.list(bucketOf(kind)) as T[],
    put: (object) => putObject(fake, object),
    intercept(interceptor) {
      fake.intercept = interceptor;
    },
    breakWatches(error) {
      for (const watch of fake.watches) watch.end(error);
    },
    compact: () => store.compact(),
    bookmark() {
      for (const watch of fake.watches) watch.bookmark();
    },
  };
}

/** What the fake's functions share. */
export interface Fake {
  readonly store: FakeStore;
  readonly writes: FakeWrite[];
  readonly clock: Clock;
  readonly watches: Set<{ end(error?: Error): void; bookmark(): void }>;
  intercept: ((call: FakeCall) => void | Promise<void>) | undefined;
}

async function admit(fake: Fake, call: FakeCall, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await fake.intercept?.(call);
  signal?.throwIfAborted();
}

function makeReads(fake: Fake): Pick<KubeClient, "get" | "find" | "list" | "watch"> {
  const find: KubeClient["find"] = async <T extends KubeObject>(
    kind: Kind<T>,
    key: ObjectKey,
    options: { signal?: AbortSignal } = {},
  ): Promise<T | undefined> => {
    requireKey(kind, key);
    await admit(fake, { verb: "get", kind, key, subresource: undefined }, options.signal);
    return deepCopy(fake.store.get(bucketOf(kind), key)) as T | undefined;
  };
  return {
    find,
    async get(kind, key, options) {
      const object = await find(kind, key, options);
      if (object === undefined) throw notFound(kind, key.name);
      return object;
    },
    async list<T extends KubeObject>(kind: Kind<T>, listOptions: ListOptions = {}) {
      const matches = makeMatcher(listOptions);
      await admit(fake, { verb: "list", kind, key: undefined, subresource: undefined }, listOptions.signal);
      const items = fake.store.list(bucketOf(kind)).filter(matches).map(deepCopy) as T[];
      return { items, resourceVersion: String(fake.store.version) };
    },
    watch: (kind, watchOptions) =>
      watchFake(fake, kind, {
        options: watchOptions,
        matches: makeMatcher(watchOptions),
        admit: () => admit(fake, { verb: "watch", kind, key: undefined, subresource: undefined }, watchOptions.signal),
      }),
  };
}

/** Whether an object is in the namespace and matches both selectors. @throws InvalidError for bad selectors. */
function makeMatcher(options: ListOptions): (object: KubeObject) => boolean {
  const matchesLabels = parseLabelSelector(options.labelSelector);
  const matchesFields = parseFieldSelector(options.fieldSelector);
  const fieldNames = (options.fieldSelector ?? "").split(",").map((term) => term.split(/[!=]/)[0]?.trim() ?? "");
  return (object) =>
    (options.namespace === undefined || object.metadata.namespace === options.namespace) &&
    matchesLabels(object.metadata.labels ?? {}) &&
    matchesFields(Object.fromEntries(fieldNames.map((name) => [name, fieldText(object, name)])));
}

function fieldText(object: KubeObject, path: string): string {
  let value: unknown = object;
  for (const part of path.split(".")) value = (value as Record<string, unknown> | undefined)?.[part];
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

function makeWrites(fake: Fake): Pick<KubeClient, "create" | "update" | "patch" | "delete"> {
  return {
    async create(kind, object, options) {
      const { subresource, signal } = options ?? {};
      const key = object.metadata.name === undefined ? undefined : keyOf(object);
      await admit(fake, { verb: "create", kind, key, subresource }, signal);
      return createObject(fake, kind, { object, options });
    },
    async update(kind, object, options) {
      const key = keyOf(object);
      requireKey(kind, key);
      await admit(fake, { verb: "update", kind, key, subresource: options?.subresource }, options?.signal);
      return updateObject(fake, kind, { wanted: deepCopy(object), key, options, verb: "update" });
    },
    // oxlint-disable-next-line eslint/max-params -- the port says what, which, how and options
    async patch(kind, key, patch, options) {
      requireKey(kind, key);
      await admit(fake, { verb: "patch", kind, key, subresource: options?.subresource }, options?.signal);
      const wanted = applyPatch(kind, patch, stored(fake, kind, key));
      return updateObject(fake, kind, { wanted, key, options, verb: "patch" });
    },
    async delete(kind, key, options) {
      requireKey(kind, key);
      await admit(fake, { verb: "delete", kind, key, subresource: undefined }, options?.signal);
      deleteObject(fake, kind, { key, options: options ?? {} });
    },
  };
}

function applyPatch<T extends KubeObject>(kind: Kind<T>, patch: Patch, current: T): T {
  try {
    const patched = patch.type === "merge" ? applyMergePatch(current, patch.body) : applyJsonPatch(current, patch.body);
    return patched as T;
  } catch (error) {
    throw new InvalidError(`${kind.kind} "${current.metadata.name}" is invalid: the patch does not apply`, {
      cause: error,
    });
  }
}

function stored<T extends KubeObject>(fake: Fake, kind: Kind<T>, key: ObjectKey): T {
  const object = fake.store.get(bucketOf(kind), key);
  if (object === undefined) throw notFound(kind, key.name);
  return object as T;
}

function requireKey<T extends KubeObject>(kind: Kind<T>, key: ObjectKey): void {
  const badRequest = { reason: "BadRequest", code: 400 };
  if (key.name === "") throw new InvalidError(`${kind.kind}: resource name may not be empty`, badRequest);
  if (kind.namespaced && (key.namespace ?? "") === "") {
    throw new InvalidError(`${kind.kind}: an empty namespace may not be set`, badRequest);
  }
}

function resourceText(kind: Kind): string {
  return kind.group === "" ? kind.plural : `${kind.plural}.${kind.group}`;
}

function notFound(kind: Kind, name: string): NotFoundError {
  return new NotFoundError(`${resourceText(kind)} "${name}" not found`);
}

// Kinds of Kubernetes' own groups without a status subresource, and those whose generation the server does not keep.
const WITHOUT_STATUS = new Set(
  ["Secret", "ConfigMap", "ServiceAccount", "Event", "EndpointSlice", "Lease", "Endpoints"].concat(
    ["Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"],
    ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"],
  ),
);
const WITHOUT_GENERATION = new Set(["Pod", "Service", "Namespace", "Node", ...WITHOUT_STATUS]);

function isBuiltIn(kind: Pick<Kind, "group">): boolean {
  return !kind.group.includes(".") || kind.group.endsWith(".k8s.io");
}

function hasStatus(kind: Pick<Kind, "group" | "kind">): boolean {
  return !isBuiltIn(kind) || !WITHOUT_STATUS.has(kind.kind);
}

function hasGeneration(kind: Pick<Kind, "group" | "kind">): boolean {
  return !isBuiltIn(kind) || !WITHOUT_GENERATION.has(kind.kind);
}

interface CreateCall<T> {
  object: T;
  options: WriteOptions | undefined;
}

function createObject<T extends KubeObject>(fake: Fake, kind: Kind<T>, { object, options }: CreateCall<T>): T {
  const wanted = deepCopy(object);
  const { metadata } = wanted;
  if (metadata.name === undefined && metadata.generateName !== undefined) {
    metadata.name = metadata.generateName + randomUUID().slice(0, 5);
  }
  const key = keyOf(wanted);
  requireKey(kind, key);
  if ((metadata.resourceVersion ?? "") !== "") {
    throw new InvalidError("resourceVersion should not be set on objects to be created", {
      reason: "BadRequest",
      code: 400,
    });
  }
  if (fake.store.get(bucketOf(kind), key) !== undefined) {
    throw new AlreadyExistsError(`${resourceText(kind)} "${key.name}" already exists`);
  }
  if (hasStatus(kind) && "status" in wanted) delete wanted.status;
  wanted.metadata = {
    ...withoutServerFields(metadata),
    uid: randomUUID(),
    creationTimestamp: timestamp(fake),
    ...(hasGeneration(kind) && { generation: 1 }),
  };
  return finishWrite(fake, kind, { verb: "create", before: undefined, wanted, key, options }) as T;
}

function withoutServerFields(metadata: ObjectMeta): ObjectMeta {
  const {
    deletionTimestamp: _deleted,
    deletionGracePeriodSeconds: _grace,
    generation: _generation,
    ...rest
  } = metadata;
  return rest;
}

interface UpdateCall<T> {
  wanted: T;
  key: ObjectKey;
  options: WriteOptions | undefined;
  verb: "update" | "patch";
}

function updateObject<T extends KubeObject>(fake: Fake, kind: Kind<T>, call: UpdateCall<T>): T {
  const { wanted, key, options, verb } = call;
  const before = stored(fake, kind, key);
  requireVersion(kind, before, wanted);
  const isStatusWrite = options?.subresource === "status";
  if (isStatusWrite && !hasStatus(kind)) throw notFound(kind, key.name);
  if (options?.subresource === "scale") return scaleObject(fake, kind, call);

  const merged = isStatusWrite ? withStatusOf(before, wanted) : withStoredStatus(kind, wanted, before);
  const after = { ...merged, metadata: { ...merged.metadata, ...serverMetadata(before) } };
  if (isTerminating(before)) requireNoNewFinalizers(kind, before, after);
  if (isSemanticallyEqual(comparable(before), comparable(after))) return deepCopy(before);
  const changesSpec = !isSemanticallyEqual(specOf(kind, before), specOf(kind, after));
  if (hasGeneration(kind) && changesSpec) after.metadata.generation = (before.metadata.generation ?? 0) + 1;
  return finishWrite(fake, kind, { verb, before, wanted: after, key, options }) as T;
}

function requireVersion<T extends KubeObject>(kind: Kind<T>, before: T, wanted: T): void {
  const { resourceVersion = "", uid = before.metadata.uid } = wanted.metadata;
  if (resourceVersion === "" && !isBuiltIn(kind)) {
    const message = "metadata.resourceVersion: Invalid value: 0x0: must be specified for an update";
    throw new InvalidError(`${resourceText(kind)} "${before.metadata.name}" is invalid: ${message}`);
  }
  const isStale = resourceVersion !== "" && resourceVersion !== before.metadata.resourceVersion;
  if (!isStale && uid === before.metadata.uid) return;
  const advice = "the object has been modified; please apply your changes to the latest version and try again";
  throw new ConflictError(
    `Operation cannot be fulfilled on ${resourceText(kind)} "${before.metadata.name}": ${advice}`,
  );
}

function withStoredStatus<T extends KubeObject>(kind: Kind<T>, wanted: T, before: T): T {
  return hasStatus(kind) ? withStatusOf(wanted, before) : wanted;
}

/** `target` with the status of `source`. */
function withStatusOf<T extends KubeObject>(target: T, source: T): T {
  const { status: _replaced, ...rest } = target as T & { status?: unknown };
  return ("status" in source ? { ...rest, status: source.status } : rest) as T;
}

function serverMetadata({ metadata }: KubeObject): Partial<ObjectMeta> {
  const { uid, creationTimestamp, generation, deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  return Object.fromEntries(
    Object.entries({ uid, creationTimestamp, generation, deletionTimestamp, deletionGracePeriodSeconds }).filter(
      ([, value]) => value !== undefined,
    ),
  );
}

function requireNoNewFinalizers<T extends KubeObject>(kind: Kind<T>, before: T, after: T): void {
  const added = (after.metadata.finalizers ?? []).filter((name) => !(before.metadata.finalizers ?? []).includes(name));
  if (added.length === 0) return;
  const message = "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted";
  throw new InvalidError(
    `${kind.kind} "${before.metadata.name}" is invalid: ${message}, found new finalizers ${added.join(", ")}`,
  );
}

function isTerminating(object: KubeObject): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}

function comparable(object: KubeObject): unknown {
  return { ...object, metadata: { ...object.metadata, resourceVersion: "" } };
}

function specOf(kind: Kind, object: KubeObject): unknown {
  const {
    metadata: _metadata,
    apiVersion: _apiVersion,
    kind: _kind,
    ...rest
  } = object as KubeObject & { status?: unknown };
  if (!hasStatus(kind)) return rest;
  const { status: _status, ...spec } = rest;
  return spec;
}

/** Scale is a view of `spec.replicas`; the Scale object's own answer is as much of one as anybody here reads. */
function scaleObject<T extends KubeObject>(
  fake: Fake,
  kind: Kind<T>,
  { wanted, key, options, verb }: UpdateCall<T>,
): T {
  const before = stored(fake, kind, key) as T & { spec?: object };
  const replicas = (wanted as { spec?: { replicas?: number } }).spec?.replicas ?? 0;
  const { subresource: _scale, ...rest } = options ?? {};
  const scaled = { ...deepCopy(before), spec: { ...before.spec, replicas } };
  return updateObject(fake, kind, { wanted: scaled, key, options: rest, verb });
}

interface DeleteCall {
  key: ObjectKey;
  options: DeleteOptions;
}

function deleteObject<T extends KubeObject>(fake: Fake, kind: Kind<T>, { key, options }: DeleteCall): void {
  const before = fake.store.get(bucketOf(kind), key) as T | undefined;
  if (before === undefined) return;
  requirePreconditions(kind, before, options.preconditions ?? {});
  const finalizers = new Set(before.metadata.finalizers ?? []);
  if (options.propagationPolicy === "Foreground") finalizers.add("foregroundDeletion");
  if (options.propagationPolicy === "Orphan") finalizers.add("orphan");
  if (finalizers.size === 0) {
    const wanted = { ...before, metadata: { ...before.metadata } };
    finishWrite(fake, kind, { verb: "delete", before, wanted, key, options: undefined });
    return;
  }
  if (isTerminating(before)) return;
  const metadata = {
    ...before.metadata,
    finalizers: [...finalizers],
    deletionTimestamp: timestamp(fake),
    deletionGracePeriodSeconds: 0,
    ...(hasGeneration(kind) && { generation: (before.metadata.generation ?? 0) + 1 }),
  };
  finishWrite(fake, kind, { verb: "update", before, wanted: { ...before, metadata }, key, options: undefined });
}

function requirePreconditions<T extends KubeObject>(
  kind: Kind<T>,
  { metadata }: T,
  { uid, resourceVersion }: NonNullable<DeleteOptions["preconditions"]>,
): void {
  const isMet =
    (uid === undefined || uid === metadata.uid) &&
    (resourceVersion === undefined || resourceVersion === metadata.resourceVersion);
  if (isMet) return;
  throw new ConflictError(
    `Operation cannot be fulfilled on ${resourceText(kind)} "${metadata.name}": Precondition failed: UID or resourceVersion differs`,
  );
}

interface FinishedWrite<T> {
  verb: FakeWrite["verb"];
  before: T | undefined;
  wanted: T;
  key: ObjectKey;
  options: WriteOptions | undefined;
}

/** Stamps, freezes, stores and announces. An object that is being deleted and has no finalizers left goes away. */
function finishWrite<T extends KubeObject>(fake: Fake, kind: Kind<T>, write: FinishedWrite<T>): KubeObject {
  const { verb, before, wanted, key, options } = write;
  if (options?.dryRun === true) return deepCopy(wanted);
  const version = fake.store.nextVersion();
  const isGone = verb === "delete" || (isTerminating(wanted) && (wanted.metadata.finalizers ?? []).length === 0);
  const object = deepFreeze(
    deepCopy({
      ...wanted,
      apiVersion: kind.group === "" ? kind.version : `${kind.group}/${kind.version}`,
      kind: kind.kind,
      metadata: { ...wanted.metadata, resourceVersion: String(version) },
    }),
  );
  const type = isGone ? "DELETED" : before === undefined ? "ADDED" : "MODIFIED";
  fake.store.commit({ type, resourceVersion: version, bucket: bucketOf(kind), before, object }, key);
  const after = isGone ? undefined : object;
  fake.writes.push({ verb, kind: kind.kind, subresource: options?.subresource, key, before, after });
  return deepCopy(object);
}

function putObject(fake: Fake, given: KubeObject): void {
  const { apiVersion = "", kind: kindName = "" } = given;
  if (apiVersion === "" || kindName === "") throw new TypeError("an object to store needs apiVersion and kind");
  const bucket = bucketOf({ group: groupOf(apiVersion), kind: kindName });
  const key = keyOf(given);
  const before = fake.store.get(bucket, key);
  const version = fake.store.nextVersion();
  const defaults = {
    uid: `uid-${kindName.toLowerCase()}-${key.name}`,
    creationTimestamp: timestamp(fake),
    generation: 1,
    ...(before !== undefined && serverMetadata(before)),
  };
  const metadata = { ...defaults, ...given.metadata, resourceVersion: String(version) };
  const object = deepFreeze(deepCopy({ ...given, metadata }));
  const type = before === undefined ? "ADDED" : "MODIFIED";
  fake.store.commit({ type, resourceVersion: version, bucket, before, object }, key);
}

function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf("/");
  return slash < 0 ? "" : apiVersion.slice(0, slash);
}

function timestamp({ clock }: Fake): string {
  return `${clock.now().toISOString().slice(0, 19)}Z`;
}
