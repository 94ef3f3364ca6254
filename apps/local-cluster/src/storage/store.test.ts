import { expect, test } from "@jest/globals";
import type { ApiObject } from "../api-server/api-object.ts";
import { openStore, RevisionExpiredError, type StoreEvent } from "./store.ts";

function object(name: string, namespace = "n"): ApiObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace } };
}

function key(name: string, namespace = "n", type = "t"): { type: string; namespace: string; name: string } {
  return { type, namespace, name };
}

test("lists in the order of namespace and name", () => {
  const store = openStore();
  for (const [namespace, name] of [
    ["b", "a"],
    ["a", "z"],
    ["a", "b"],
    ["a-b", "c"],
  ] as const) {
    store.put(key(name, namespace), object(name, namespace));
  }
  expect(store.list("t").map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)).toEqual([
    "a-b/c",
    "a/b",
    "a/z",
    "b/a",
  ]);
  expect(store.list("t", "a").map(({ metadata }) => metadata.name)).toEqual(["b", "z"]);
});

test("what is stored cannot be changed by those who read it", () => {
  const store = openStore();
  const stored = store.put(key("a"), object("a"));
  expect(() => {
    stored.metadata.labels = {};
  }).toThrow(TypeError);
});

test("a watch gets what is past and what comes, each once and in order", () => {
  const store = openStore();
  const from = store.revision;
  store.put(key("a"), object("a"));
  const events: StoreEvent[] = [];
  const stop = store.watch("t", from, (event) => events.push(event));
  const stored = store.put(key("a"), object("a"));
  store.put(key("x", "n", "other"), object("x"));
  store.remove(key("a"), { ...stored, metadata: { ...stored.metadata } });
  stop();
  store.put(key("b"), object("b"));
  expect(events.map(({ type }) => type)).toEqual(["ADDED", "MODIFIED", "DELETED"]);
  const revisions = events.map(({ revision }) => revision);
  expect(revisions).toEqual(revisions.toSorted((a, b) => a - b));
  expect(events[2]?.object.metadata.resourceVersion).toBe(String(revisions[2]));
  expect(events[2]?.previous).toBe(stored);
});

test("a quiet type never expires, a busy one forgets its oldest events", () => {
  const store = openStore();
  store.put(key("a", "n", "quiet"), object("a"));
  const from = store.revision;
  for (let index = 0; index < 3_000; index++) store.put(key("b"), object("b"));
  expect(() => store.watch("t", from, () => undefined)).toThrow(RevisionExpiredError);
  const events: StoreEvent[] = [];
  store.watch("quiet", from, (event) => events.push(event))();
  expect(events).toEqual([]);
});

test("a revision that was never handed out is refused, for waiting would be for ever", () => {
  const store = openStore();
  expect(() => store.watch("t", store.revision + 1, () => undefined)).toThrow(RevisionExpiredError);
});
