import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Kind, KubeObject, ObjectKey } from "@kelvin/api";
import { ConfigMap, Deployment, Namespace, Secret } from "../core-kinds.ts";
import { AlreadyExistsError, ConflictError, ExpiredError, InvalidError, KubeError, NotFoundError } from "../errors.ts";
import { deepCopy } from "../json-value.ts";
import type { KubeClient, WatchEvent } from "../kube-client.ts";
import { keyOf } from "../object-key.ts";
import { openInformer } from "../open-informer.ts";

/** A client of an API server, and how to be rid of both. */
export interface OpenedKubeClient {
  readonly kube: KubeClient;
  close(): Promise<void>;
}

/** What the server at hand can do beyond the least. */
export interface KubeClientContractOptions {
  /** Makes the server forget the history of watches. Absent: resource version 1 must be too old. */
  expire?: () => void | Promise<void>;
  /** Whether dependants of a deleted owner are collected, and `foregroundDeletion` and `orphan` are carried out. */
  collectsGarbage?: boolean;
  /** Whether the server refuses objects that make no sense, such as a ConfigMap with a bad name. Default true. */
  validates?: boolean;
  /** Whether bookmarks come within the test's patience. `bookmark` asks for one where the server can be asked. */
  bookmark?: () => void;
}

/** How long a test waits for what the server does on its own. */
const PATIENCE_MS = 10_000;

/**
 * The contract of KubeClient with an API server, as tests. Everything happens in namespaces of its own, which are
 * created; nothing else of the server is touched.
 */
export function describeKubeClient(
  name: string,
  open: () => Promise<OpenedKubeClient>,
  options: KubeClientContractOptions = {},
): void {
  describe(`KubeClient contract: ${name}`, () => {
    let opened: OpenedKubeClient;
    let namespace: string;
    beforeAll(async () => {
      opened = await open();
      namespace = `contract-${randomBytes(4).toString("hex")}`;
      await opened.kube.create(Namespace, { metadata: { name: namespace } });
    });
    afterAll(async () => {
      await opened.close();
    });
    const world = (): World => ({ kube: opened.kube, namespace, options });
    describeReads(world);
    describeCreate(world);
    describeUpdate(world);
    describeStatus(world);
    describePatch(world);
    describeDelete(world);
    describeWatch(world);
    describeSelectors(world);
    describeInformer(world);
  });
}

interface World {
  kube: KubeClient;
  namespace: string;
  options: KubeClientContractOptions;
}

let serial = 0;

/** A name that no other test uses. */
function fresh(): string {
  serial += 1;
  return `x${serial}-${randomBytes(3).toString("hex")}`;
}

function configMap(namespace: string, data: Record<string, string> = { a: "1" }, name = fresh()): ConfigMap {
  return { metadata: { namespace, name }, data };
}

function deployment(namespace: string, name = fresh()): Deployment {
  const labels = { app: name };
  return {
    metadata: { namespace, name },
    spec: {
      // None, so that no controller of the server finds anything to do.
      replicas: 0,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "c", image: "dev.local/none" }] } },
    },
  };
}

function withData<T extends ConfigMap>(object: T, data: Record<string, string>): T {
  return { ...deepCopy(object), data };
}

/** Controllers of the server may write in between: reads again and retries, as every client must. */
async function change<T extends KubeObject>(
  { kube }: World,
  kind: Kind<T>,
  target: { key: ObjectKey; subresource?: "status"; mutate: (object: T) => void },
): Promise<T> {
  for (;;) {
    const object = await kube.get(kind, target.key);
    target.mutate(object);
    try {
      return await kube.update(kind, object, target.subresource === undefined ? {} : { subresource: "status" });
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
    }
  }
}

function describeReads(world: () => World): void {
  describe("reads", () => {
    test("get gives the stored object with its type; absence is NotFound, and undefined for find", async () => {
      const { kube, namespace } = world();
      const created = await kube.create(ConfigMap, configMap(namespace));
      const read = await kube.get(ConfigMap, keyOf(created));
      expect(read).toEqual(created);
      expect(read).toMatchObject({ apiVersion: "v1", kind: "ConfigMap", data: { a: "1" } });

      const absent = { namespace, name: fresh() };
      await expect(kube.get(ConfigMap, absent)).rejects.toThrow(NotFoundError);
      await expect(kube.get(ConfigMap, absent)).rejects.toThrow(`configmaps "${absent.name}" not found`);
      expect(await kube.find(ConfigMap, absent)).toBeUndefined();
    });

    test("list gives typed objects in key order and the version it was read at", async () => {
      const { kube, namespace } = world();
      const names = ["b", "a", "c"].map((suffix) => `list-${suffix}`);
      for (const name of names) await kube.create(Secret, { metadata: { namespace, name } });
      const { items, resourceVersion } = await kube.list(Secret, { namespace });
      const listed = items.filter(({ metadata }) => metadata.name?.startsWith("list-") === true);
      expect(listed.map(({ metadata }) => metadata.name)).toEqual(["list-a", "list-b", "list-c"]);
      expect(listed[0]).toMatchObject({ apiVersion: "v1", kind: "Secret" });
      expect(Number(resourceVersion)).toBeGreaterThan(0);
      const everywhere = await kube.list(Secret);
      expect(everywhere.items.length).toBeGreaterThanOrEqual(items.length);
    });

    test("a list follows its pages", async () => {
      const { kube, namespace } = world();
      const names = Array.from({ length: 7 }, (_, index) => `page-${index}`);
      await Promise.all(names.map((name) => kube.create(ConfigMap, configMap(namespace, {}, name))));
      const { items } = await kube.list(ConfigMap, { namespace });
      const listed = items.map(({ metadata }) => metadata.name ?? "").filter((name) => name.startsWith("page-"));
      expect(listed).toEqual(names);
    });

    test("an aborted call rejects with the reason", async () => {
      const { kube, namespace } = world();
      const signal = AbortSignal.abort(new Error("enough"));
      await expect(kube.list(ConfigMap, { namespace, signal })).rejects.toThrow("enough");
      await expect(kube.get(ConfigMap, { namespace, name: "x" }, { signal })).rejects.toThrow("enough");
    });
  });
}

function describeCreate(world: () => World): void {
  describe("create", () => {
    test("sets what the server owns, whatever the client says", async () => {
      const { kube, namespace } = world();
      const object = configMap(namespace);
      object.metadata.uid = "mine";
      object.metadata.creationTimestamp = "2001-01-01T00:00:00Z";
      const { metadata } = await kube.create(ConfigMap, object);
      expect(metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
      expect(metadata.creationTimestamp).toMatch(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      expect(metadata.creationTimestamp).not.toBe("2001-01-01T00:00:00Z");
      expect(Number(metadata.resourceVersion)).toBeGreaterThan(0);
    });

    test("a taken name is AlreadyExists", async () => {
      const { kube, namespace } = world();
      const object = configMap(namespace);
      await kube.create(ConfigMap, object);
      const again = kube.create(ConfigMap, object);
      await expect(again).rejects.toThrow(AlreadyExistsError);
      await expect(again).rejects.toThrow(`configmaps "${object.metadata.name}" already exists`);
    });

    test("generateName makes distinct names", async () => {
      const { kube, namespace } = world();
      const make = (): ConfigMap => ({ metadata: { namespace, generateName: "made-" } });
      const made = await Promise.all([kube.create(ConfigMap, make()), kube.create(ConfigMap, make())]);
      const names = made.map(({ metadata }) => metadata.name ?? "");
      expect(names[0]).toMatch(/^made-[a-z0-9]{5}$/);
      expect(new Set(names).size).toBe(2);
    });

    test("an object with a resourceVersion, or without a namespace, is refused", async () => {
      const { kube, namespace } = world();
      const versioned = configMap(namespace);
      versioned.metadata.resourceVersion = "1";
      await expect(kube.create(ConfigMap, versioned)).rejects.toThrow(KubeError);
      await expect(kube.create(ConfigMap, { metadata: { name: "x" } })).rejects.toThrow(KubeError);
    });

    test("an invalid name is Invalid and names the field", async () => {
      const { kube, namespace, options } = world();
      if (options.validates === false) return;
      const refused = kube.create(ConfigMap, configMap(namespace, {}, "Not A Name"));
      await expect(refused).rejects.toThrow(InvalidError);
      await expect(refused).rejects.toThrow("metadata.name");
    });

    test("a dry run stores nothing", async () => {
      const { kube, namespace } = world();
      const object = configMap(namespace);
      await kube.create(ConfigMap, object, { dryRun: true });
      expect(await kube.find(ConfigMap, keyOf(object))).toBeUndefined();
    });

    test("status is not taken on create, and generation begins at 1", async () => {
      const { kube, namespace } = world();
      const object = { ...deployment(namespace), status: { replicas: 7 } };
      const created = await kube.create(Deployment, object);
      expect(created.metadata.generation).toBe(1);
      expect(created.status?.replicas).toBeUndefined();
    });
  });
}

function describeUpdate(world: () => World): void {
  describe("update", () => {
    test("replaces the object and raises its version", async () => {
      const { kube, namespace } = world();
      const created = await kube.create(ConfigMap, configMap(namespace));
      const updated = await kube.update(ConfigMap, withData(created, { b: "2" }));
      expect(updated.data).toEqual({ b: "2" });
      expect(updated.metadata.uid).toBe(created.metadata.uid);
      expect(Number(updated.metadata.resourceVersion)).toBeGreaterThan(Number(created.metadata.resourceVersion));
    });

    test("a stale resourceVersion is a Conflict, and nothing changes", async () => {
      const { kube, namespace } = world();
      const created = await kube.create(ConfigMap, configMap(namespace));
      await kube.update(ConfigMap, withData(created, { b: "2" }));
      await expect(kube.update(ConfigMap, withData(created, { c: "3" }))).rejects.toThrow(ConflictError);
      expect((await kube.get(ConfigMap, keyOf(created))).data).toEqual({ b: "2" });
    });

    test("of many writers at once exactly one wins", async () => {
      const { kube, namespace } = world();
      const created = await kube.create(ConfigMap, configMap(namespace));
      const writes = ["1", "2", "3", "4"].map((value) => kube.update(ConfigMap, withData(created, { value })));
      const results = await Promise.allSettled(writes);
      expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      for (const result of results)
        if (result.status === "rejected") expect(result.reason).toBeInstanceOf(ConflictError);
    });

    test("another uid is a Conflict; a missing object is NotFound", async () => {
      const { kube, namespace } = world();
      const created = await kube.create(ConfigMap, configMap(namespace));
      const other = withData(created, { b: "2" });
      other.metadata.uid = "00000000-0000-0000-0000-000000000000";
      await expect(kube.update(ConfigMap, other)).rejects.toThrow(ConflictError);
      await expect(kube.update(ConfigMap, configMap(namespace))).rejects.toThrow(NotFoundError);
    });

    test("a write that changes nothing leaves the version, also with other spellings of nothing", async () => {
      const { kube, namespace } = world();
      const created = await kube.create(ConfigMap, configMap(namespace));
      const same = await kube.update(ConfigMap, deepCopy(created));
      expect(same.metadata.resourceVersion).toBe(created.metadata.resourceVersion);
      const respelled = deepCopy(created);
      respelled.metadata.annotations = {};
      expect((await kube.update(ConfigMap, respelled)).metadata.resourceVersion).toBe(created.metadata.resourceVersion);
      const patched = await kube.patch(ConfigMap, keyOf(created), { type: "merge", body: { data: { a: "1" } } });
      expect(patched.metadata.resourceVersion).toBe(created.metadata.resourceVersion);
    });

    test("generation rises with the spec only", async () => {
      const { kube, namespace } = world();
      const { metadata } = await kube.create(Deployment, deployment(namespace));
      const key = keyOf({ metadata });
      const paused = await change(world(), Deployment, { key, mutate: (object) => setPaused(object, true) });
      expect(paused.metadata.generation).toBe(2);
      const labelled = await change(world(), Deployment, {
        key,
        mutate: (object) => (object.metadata.labels = { l: "v" }),
      });
      expect(labelled.metadata.generation).toBe(2);
    });
  });
}

function setPaused(object: Deployment, paused: boolean): void {
  if (object.spec !== undefined) object.spec.paused = paused;
}

function describeStatus(world: () => World): void {
  describe("status", () => {
    // Of a Namespace, whose status no controller of the server fights over, in a field that takes any condition.
    const condition = { type: "KelvinContract", status: "True", reason: "R", message: "m" };

    test("is written by its subresource, which leaves all else", async () => {
      const { kube, namespace } = world();
      const { metadata } = await kube.create(Deployment, deployment(namespace));
      const key = keyOf({ metadata });
      const written = await change(world(), Deployment, {
        key,
        subresource: "status",
        mutate: (object) => {
          object.status = { ...object.status, conditions: [...(object.status?.conditions ?? []), condition] };
          setPaused(object, true);
        },
      });
      expect(written.status?.conditions).toContainEqual(expect.objectContaining(condition));
      expect(written.spec?.paused ?? false).toBe(false);
      expect(written.metadata.generation).toBe(1);
    });

    test("is not written by an update of the object", async () => {
      const { kube, namespace } = world();
      const { metadata } = await kube.create(Deployment, deployment(namespace));
      const key = keyOf({ metadata });
      const updated = await change(world(), Deployment, {
        key,
        mutate: (object) => {
          object.status = { conditions: [condition] };
          object.metadata.labels = { l: "v" };
        },
      });
      expect(updated.status?.conditions ?? []).not.toContainEqual(expect.objectContaining(condition));
      expect(updated.metadata.labels).toEqual({ l: "v" });
    });

    test("shares its version with the object: a write of one makes a stale write of the other a Conflict", async () => {
      const { kube, namespace } = world();
      const stale = await kube.create(Deployment, deployment(namespace));
      await change(world(), Deployment, {
        key: keyOf(stale),
        subresource: "status",
        mutate: (object) => (object.status = { ...object.status, conditions: [condition] }),
      });
      setPaused(stale, true);
      await expect(kube.update(Deployment, stale)).rejects.toThrow(ConflictError);
    });
  });
}

function describePatch(world: () => World): void {
  describe("patch", () => {
    test("merge: adds, replaces, and removes by null", async () => {
      const { kube, namespace } = world();
      const created = await kube.create(ConfigMap, configMap(namespace, { keep: "1", drop: "2" }));
      const body = { data: { drop: null, add: "3" }, metadata: { labels: { l: "v" } } };
      const patched = await kube.patch(ConfigMap, keyOf(created), { type: "merge", body });
      expect(patched.data).toEqual({ keep: "1", add: "3" });
      expect(patched.metadata.labels).toEqual({ l: "v" });
    });

    test("json: all operations; one that does not apply is Invalid and changes nothing", async () => {
      const { kube, namespace } = world();
      const created = await kube.create(ConfigMap, configMap(namespace, { "a/b": "1", old: "2" }));
      const key = keyOf(created);
      const patched = await kube.patch(ConfigMap, key, {
        type: "json",
        body: [
          { op: "test", path: "/data/a~1b", value: "1" },
          { op: "replace", path: "/data/a~1b", value: "one" },
          { op: "move", from: "/data/old", path: "/data/new" },
          { op: "add", path: "/metadata/labels", value: { l: "v" } },
        ],
      });
      expect(patched.data).toEqual({ "a/b": "one", new: "2" });
      expect(patched.metadata.labels).toEqual({ l: "v" });
      const failing = [
        { op: "add", path: "/data/x", value: "1" },
        { op: "test", path: "/data/new", value: "wrong" },
      ] as const;
      await expect(kube.patch(ConfigMap, key, { type: "json", body: failing })).rejects.toThrow(InvalidError);
      expect((await kube.get(ConfigMap, key)).data).toEqual({ "a/b": "one", new: "2" });
    });

    test("with a resourceVersion in it is conditional", async () => {
      const { kube, namespace } = world();
      const created = await kube.create(ConfigMap, configMap(namespace));
      const { resourceVersion } = created.metadata;
      const key = keyOf(created);
      const patch = (value: string): Promise<ConfigMap> =>
        kube.patch(ConfigMap, key, { type: "merge", body: { metadata: { resourceVersion }, data: { value } } });
      await patch("first");
      await expect(patch("second")).rejects.toThrow(ConflictError);
    });

    test("of a missing object is NotFound", async () => {
      const { kube, namespace } = world();
      const patch = kube.patch(ConfigMap, { namespace, name: fresh() }, { type: "merge", body: { data: {} } });
      await expect(patch).rejects.toThrow(NotFoundError);
    });

    test("of the status subresource changes status alone", async () => {
      const { kube, namespace } = world();
      const { metadata } = await kube.create(Deployment, deployment(namespace));
      const body = { status: { observedGeneration: 1, unavailableReplicas: 3 }, spec: { paused: true } };
      const key = keyOf({ metadata });
      const patched = await kube.patch(Deployment, key, { type: "merge", body }, { subresource: "status" });
      expect(patched.status).toMatchObject({ unavailableReplicas: 3 });
      expect(patched.spec?.paused ?? false).toBe(false);
    });
  });
}

function describeDelete(world: () => World): void {
  describe("delete", () => {
    test("removes the object; deleting what is gone resolves", async () => {
      const { kube, namespace } = world();
      const created = await kube.create(ConfigMap, configMap(namespace));
      await kube.delete(ConfigMap, keyOf(created));
      expect(await kube.find(ConfigMap, keyOf(created))).toBeUndefined();
      await kube.delete(ConfigMap, keyOf(created));
    });

    test("deletes only the incarnation that the preconditions name", async () => {
      const { kube, namespace } = world();
      const created = await kube.create(ConfigMap, configMap(namespace));
      const key = keyOf(created);
      const uid = "00000000-0000-0000-0000-000000000000";
      await expect(kube.delete(ConfigMap, key, { preconditions: { uid } })).rejects.toThrow(ConflictError);
      await kube.update(ConfigMap, withData(created, { b: "2" }));
      const { resourceVersion = "" } = created.metadata;
      await expect(kube.delete(ConfigMap, key, { preconditions: { resourceVersion } })).rejects.toThrow(ConflictError);
      await kube.delete(ConfigMap, key, { preconditions: { uid: created.metadata.uid ?? "" } });
      expect(await kube.find(ConfigMap, key)).toBeUndefined();
    });

    test("finalizers keep the object until the last is gone, and none may join", async () => {
      const { kube, namespace } = world();
      const object = configMap(namespace);
      object.metadata.finalizers = ["kelvin.dev/one", "kelvin.dev/two"];
      const { metadata } = await kube.create(ConfigMap, object);
      const key = keyOf({ metadata });
      await kube.delete(ConfigMap, key);
      const terminating = await kube.get(ConfigMap, key);
      expect(terminating.metadata.deletionTimestamp).toMatch(/Z$/);
      const setFinalizers = (finalizers: string[]): Promise<ConfigMap> =>
        change(world(), ConfigMap, { key, mutate: (read) => (read.metadata.finalizers = finalizers) });
      await expect(setFinalizers(["kelvin.dev/one", "kelvin.dev/two", "kelvin.dev/three"])).rejects.toThrow(
        InvalidError,
      );
      await setFinalizers(["kelvin.dev/two"]);
      await expect(kube.create(ConfigMap, configMap(namespace, {}, key.name))).rejects.toThrow(AlreadyExistsError);
      const last = await setFinalizers([]);
      expect(last.metadata.uid).toBe(metadata.uid);
      expect(await kube.find(ConfigMap, key)).toBeUndefined();
    });

    test("nobody can take deletionTimestamp back", async () => {
      const { kube, namespace } = world();
      const object = configMap(namespace);
      object.metadata.finalizers = ["kelvin.dev/keep"];
      const key = keyOf(await kube.create(ConfigMap, object));
      await kube.delete(ConfigMap, key);
      const revived = await change(world(), ConfigMap, {
        key,
        mutate: (read) => delete read.metadata.deletionTimestamp,
      });
      expect(revived.metadata.deletionTimestamp).toBeDefined();
      await change(world(), ConfigMap, { key, mutate: (read) => (read.metadata.finalizers = []) });
    });

    test("a new object of the old name is another", async () => {
      const { kube, namespace } = world();
      const first = await kube.create(ConfigMap, configMap(namespace));
      await kube.delete(ConfigMap, keyOf(first));
      const second = await kube.create(ConfigMap, configMap(namespace, {}, first.metadata.name));
      expect(second.metadata.uid).not.toBe(first.metadata.uid);
      await expect(kube.update(ConfigMap, withData(first, {}))).rejects.toThrow(ConflictError);
    });

    for (const propagationPolicy of ["Background", "Foreground", "Orphan"] as const) {
      test(`${propagationPolicy} does with dependants as it says`, async () => {
        if (world().options.collectsGarbage !== true) return;
        await expectPropagation(world(), propagationPolicy);
      });
    }
  });
}

async function expectPropagation(
  { kube, namespace }: World,
  propagationPolicy: "Background" | "Foreground" | "Orphan",
): Promise<void> {
  const owner = await kube.create(ConfigMap, configMap(namespace));
  const { name = "", uid = "" } = owner.metadata;
  const dependant = configMap(namespace);
  dependant.metadata.ownerReferences = [{ apiVersion: "v1", kind: "ConfigMap", name, uid, blockOwnerDeletion: true }];
  await kube.create(ConfigMap, dependant);
  await kube.delete(ConfigMap, keyOf(owner), { propagationPolicy });
  await eventually(async () => (await kube.find(ConfigMap, keyOf(owner))) === undefined);
  if (propagationPolicy === "Orphan") {
    const orphan = await kube.get(ConfigMap, keyOf(dependant));
    expect(orphan.metadata.ownerReferences ?? []).toEqual([]);
  } else {
    await eventually(async () => (await kube.find(ConfigMap, keyOf(dependant))) === undefined);
  }
}

async function eventually(condition: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error("it did not happen in time");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

type SeenEvent = [type: string, text: string];

/** Reads events of ConfigMaps until `done`, as pairs of type and `data.a`. */
async function collect(
  { kube, namespace }: World,
  watch: { resourceVersion: string; labelSelector?: string },
  done: (seen: SeenEvent[], event: WatchEvent<ConfigMap>) => boolean,
): Promise<SeenEvent[]> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), PATIENCE_MS);
  const seen: SeenEvent[] = [];
  let lastVersion = 0;
  try {
    for await (const event of kube.watch(ConfigMap, { ...watch, namespace, signal: abort.signal })) {
      if (event.type !== "BOOKMARK") {
        seen.push([event.type, event.object.data?.["a"] ?? ""]);
        const version = Number(event.object.metadata.resourceVersion);
        expect(version).toBeGreaterThan(lastVersion);
        lastVersion = version;
        expect(event.object).toMatchObject({ apiVersion: "v1", kind: "ConfigMap" });
      }
      if (done(seen, event)) return seen;
    }
  } finally {
    clearTimeout(timer);
  }
  throw new Error(`the watch ended after ${JSON.stringify(seen)}`);
}

function describeWatch(world: () => World): void {
  describe("watch", () => {
    const labels = (): { l: string } => ({ l: fresh() });

    test("tells everything after the version, in order, whether it happened before or after the watch began", async () => {
      const { kube, namespace } = world();
      const label = labels();
      const { resourceVersion } = await kube.list(ConfigMap, { namespace });
      const object = configMap(namespace, { a: "1" });
      object.metadata.labels = label;
      const created = await kube.create(ConfigMap, object);
      const updated = await kube.update(ConfigMap, withData(created, { a: "2" }));
      const selection = { resourceVersion, labelSelector: `l=${label.l}` };
      const seen = collect(world(), selection, (events) => events.length === 4);
      await kube.update(ConfigMap, withData(updated, { a: "3" }));
      await kube.delete(ConfigMap, keyOf(created));
      expect(await seen).toEqual([
        ["ADDED", "1"],
        ["MODIFIED", "2"],
        ["MODIFIED", "3"],
        ["DELETED", "3"],
      ]);
    });

    test("goes on from the version of any event, without gaps or repeats", async () => {
      const { kube, namespace } = world();
      const label = labels();
      const object = configMap(namespace, { a: "1" });
      object.metadata.labels = label;
      const created = await kube.create(ConfigMap, object);
      const { resourceVersion = "" } = created.metadata;
      const updated = await kube.update(ConfigMap, withData(created, { a: "2" }));
      await kube.update(ConfigMap, withData(updated, { a: "3" }));
      const selection = { resourceVersion, labelSelector: `l=${label.l}` };
      expect(await collect(world(), selection, (events) => events.length === 2)).toEqual([
        ["MODIFIED", "2"],
        ["MODIFIED", "3"],
      ]);
    });

    test("an object that comes to match is ADDED, one that ceases to is DELETED with what it was", async () => {
      const { kube, namespace } = world();
      const label = labels();
      const created = await kube.create(ConfigMap, configMap(namespace, { a: "1" }));
      const { resourceVersion = "" } = created.metadata;
      const key = keyOf(created);
      await kube.patch(ConfigMap, key, { type: "merge", body: { metadata: { labels: label }, data: { a: "2" } } });
      await kube.patch(ConfigMap, key, { type: "merge", body: { metadata: { labels: null }, data: { a: "3" } } });
      const selection = { resourceVersion, labelSelector: `l=${label.l}` };
      expect(await collect(world(), selection, (events) => events.length === 2)).toEqual([
        ["ADDED", "2"],
        ["DELETED", "2"],
      ]);
    });

    test("a write that changes nothing is not told", async () => {
      const { kube, namespace } = world();
      const label = labels();
      const object = configMap(namespace, { a: "1" });
      object.metadata.labels = label;
      const created = await kube.create(ConfigMap, object);
      const { resourceVersion = "" } = created.metadata;
      await kube.update(ConfigMap, deepCopy(created));
      await kube.update(ConfigMap, withData(created, { a: "2" }));
      const selection = { resourceVersion, labelSelector: `l=${label.l}` };
      expect(await collect(world(), selection, () => true)).toEqual([["MODIFIED", "2"]]);
    });

    test("the removal of the last finalizer is a DELETED, not a MODIFIED", async () => {
      const { kube, namespace } = world();
      const object = configMap(namespace, { a: "1" });
      object.metadata.labels = labels();
      object.metadata.finalizers = ["kelvin.dev/keep"];
      const created = await kube.create(ConfigMap, object);
      const { resourceVersion = "" } = created.metadata;
      await kube.delete(ConfigMap, keyOf(created));
      await change(world(), ConfigMap, { key: keyOf(created), mutate: (read) => (read.metadata.finalizers = []) });
      const selection = { resourceVersion, labelSelector: `l=${object.metadata.labels["l"]}` };
      expect(await collect(world(), selection, (events) => events.length === 2)).toEqual([
        ["MODIFIED", "1"],
        ["DELETED", "1"],
      ]);
    });

    test("a version from before the history is Expired", async () => {
      const { options } = world();
      await options.expire?.();
      await expect(collect(world(), { resourceVersion: "1" }, () => true)).rejects.toThrow(ExpiredError);
    });

    test("a bookmark carries a version to go on from", async () => {
      const { kube, namespace, options } = world();
      if (options.bookmark === undefined) return;
      const { resourceVersion } = await kube.list(ConfigMap, { namespace });
      const timer = setInterval(options.bookmark, 20);
      let bookmark = "";
      await collect(world(), { resourceVersion }, (_seen, event) => {
        bookmark = event.type === "BOOKMARK" ? event.resourceVersion : "";
        return bookmark !== "";
      });
      clearInterval(timer);
      expect(Number(bookmark)).toBeGreaterThanOrEqual(Number(resourceVersion));
    });

    test("ends when its signal aborts, and when the server's time is up", async () => {
      const { kube, namespace } = world();
      const { resourceVersion } = await kube.list(ConfigMap, { namespace });
      const abort = new AbortController();
      const ended = drain(kube.watch(ConfigMap, { namespace, resourceVersion, signal: abort.signal }));
      setTimeout(() => abort.abort(), 50);
      await ended;
      await drain(kube.watch(ConfigMap, { namespace, resourceVersion, timeoutSeconds: 1 }));
    });
  });
}

async function drain(events: AsyncIterable<unknown>): Promise<void> {
  for await (const event of events) expect(event).toBeDefined();
}

function describeSelectors(world: () => World): void {
  describe("selectors", () => {
    const rows: [selector: string, names: string[]][] = [
      ["tier=web", ["s-both"]],
      ["tier==web", ["s-both"]],
      ["tier", ["s-both", "s-db"]],
      ["!tier,group=g", ["s-none"]],
      ["tier!=web,group=g", ["s-db", "s-none"]],
      ["tier in (web, db)", ["s-both", "s-db"]],
      ["tier notin (web),group=g", ["s-db", "s-none"]],
      ["group=g,tier in (db)", ["s-db"]],
      ["group=absent", []],
    ];
    beforeAll(async () => {
      const { kube, namespace } = world();
      for (const [name, own] of Object.entries({ "s-both": "web", "s-db": "db", "s-none": "" })) {
        const object = configMap(namespace, {}, name);
        object.metadata.labels = { group: "g", ...(own !== "" && { tier: own }) };
        await kube.create(ConfigMap, object);
      }
    });

    test.each(rows)("labels: %s", async (labelSelector, names) => {
      const { kube, namespace } = world();
      const { items } = await kube.list(ConfigMap, { namespace, labelSelector });
      expect(items.map(({ metadata }) => metadata.name)).toEqual(names);
    });

    test("fields: the name", async () => {
      const { kube, namespace } = world();
      const { items } = await kube.list(ConfigMap, { namespace, fieldSelector: "metadata.name=s-db" });
      expect(items.map(({ metadata }) => metadata.name)).toEqual(["s-db"]);
    });

    test("one that cannot be read is refused", async () => {
      const { kube, namespace } = world();
      await expect(kube.list(ConfigMap, { namespace, labelSelector: "a in (" })).rejects.toThrow(InvalidError);
    });
  });
}

function describeInformer(world: () => World): void {
  test("an informer comes to hold what the server holds, through expiry and all", async () => {
    const { kube, namespace, options } = world();
    const label = fresh();
    const put = async (name: string): Promise<ConfigMap> => {
      const object = configMap(namespace, { a: "1" }, name);
      object.metadata.labels = { l: label };
      return kube.create(ConfigMap, object);
    };
    const [first, second, third] = [fresh(), fresh(), fresh()];
    const created = await put(first);
    const informer = openInformer(kube, ConfigMap, { namespace, labelSelector: `l=${label}` });
    await informer.synced;
    await put(second);
    await options.expire?.();
    await kube.delete(ConfigMap, keyOf(created));
    await put(third);
    await eventually(() => Promise.resolve(informer.list().length === 2 && informer.get(keyOf(created)) === undefined));
    expect(informer.get({ namespace, name: third })).toMatchObject({ data: { a: "1" } });
    await informer.close();
  });
}
