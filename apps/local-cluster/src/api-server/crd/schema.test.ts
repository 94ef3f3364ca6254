import { describe, expect, test } from "@jest/globals";
import { copyJson } from "../api-object.ts";
import { compareVersions } from "./custom-resources.ts";
import { validateSchema } from "./schema-validation.ts";
import { applyDefaults, pruneUnknown } from "./structural.ts";

const schema = {
  type: "object",
  properties: {
    spec: {
      type: "object",
      required: ["name"],
      properties: {
        name: { type: "string", minLength: 2, pattern: "^[a-z]+$" },
        count: { type: "integer", minimum: 1, default: 3 },
        mode: { type: "string", enum: ["a", "b"] },
        port: { "x-kubernetes-int-or-string": true, anyOf: [{ type: "integer" }, { type: "string" }] },
        open: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
        labels: { type: "object", additionalProperties: { type: "string" } },
        items: {
          type: "array",
          maxItems: 2,
          items: { type: "object", properties: { n: { type: "string", default: "d" } } },
        },
        set: { type: "array", items: { type: "string" }, "x-kubernetes-list-type": "set" },
        maybe: { type: "string", nullable: true },
        one: { oneOf: [{ required: ["a"] }, { required: ["b"] }], type: "object", properties: { a: {}, b: {} } },
      },
    },
  },
};

describe("pruning", () => {
  test("removes and reports what the schema does not name, and keeps what it leaves open", () => {
    const object = {
      apiVersion: "a/v1",
      kind: "K",
      metadata: { name: "x" },
      spec: { name: "ab", nope: 1, open: { any: { thing: 1 } }, labels: { x: "y" }, items: [{ n: "1", m: 2 }] },
      other: {},
    };
    const unknown: string[] = [];
    pruneUnknown(object, schema, (path) => unknown.push(path));
    expect(unknown.sort()).toEqual(["other", "spec.items[0].m", "spec.nope"]);
    expect(object).toEqual({
      apiVersion: "a/v1",
      kind: "K",
      metadata: { name: "x" },
      spec: { name: "ab", open: { any: { thing: 1 } }, labels: { x: "y" }, items: [{ n: "1" }] },
    });
  });

  test("a field named __proto__ is just unknown", () => {
    const object = JSON.parse('{"spec":{"name":"ab","__proto__":{"x":1}}}') as Record<string, unknown>;
    const unknown: string[] = [];
    pruneUnknown(object, schema, (path) => unknown.push(path));
    expect(unknown).toEqual(["spec.__proto__"]);
  });
});

describe("defaults", () => {
  test("fill what is absent, or null where that is not allowed, also in list items", () => {
    const object = { spec: { name: "ab", count: null, maybe: null, items: [{}] } };
    applyDefaults(object, schema);
    expect(object).toEqual({ spec: { name: "ab", count: 3, maybe: null, items: [{ n: "d" }] } });
  });

  test("are copies: two objects never share one", () => {
    const shared = { type: "object", properties: { list: { type: "array", default: [1], items: {} } } };
    const first: Record<string, unknown> = {};
    applyDefaults(first, shared);
    const second: Record<string, unknown> = {};
    applyDefaults(second, copyJson(shared));
    expect(first["list"]).not.toBe(shared.properties.list.default);
  });
});

describe("validation prints as Kubernetes does", () => {
  test.each([
    [{ name: 1 }, 'spec.name: Invalid value: "integer": spec.name in body must be of type string: "integer"'],
    [{}, "spec.name: Required value"],
    [{ name: "A!" }, "spec.name: Invalid value: \"A!\": spec.name in body should match '^[a-z]+$'"],
    [{ name: "a" }, 'spec.name: Invalid value: "a": spec.name in body should be at least 2 chars long'],
    [{ name: "ab", count: 0 }, "spec.count: Invalid value: 0: spec.count in body should be greater than or equal to 1"],
    [{ name: "ab", mode: "c" }, 'spec.mode: Unsupported value: "c": supported values: "a", "b"'],
    [
      { name: "ab", port: true },
      'spec.port: Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean"',
    ],
    [
      { name: "ab", labels: { x: 1 } },
      'spec.labels.x: Invalid value: "integer": spec.labels.x in body must be of type string: "integer"',
    ],
    [{ name: "ab", items: [{}, {}, {}] }, "spec.items: Too many: 3: must have at most 2 items"],
    [{ name: "ab", set: ["x", "x"] }, 'spec.set[1]: Duplicate value: "x"'],
    [
      { name: "ab", one: {} },
      'spec.one: Invalid value: "object": "spec.one" must validate one and only one schema (oneOf). Found none valid',
    ],
  ])("%j", (spec, want) => {
    const texts = validateSchema({ spec }, schema).map(({ field, message }) => `${field ?? ""}: ${message}`);
    expect(texts).toEqual([want]);
  });

  test("accepts what is right", () => {
    const spec = { name: "ab", count: 1, port: "http", maybe: null, one: { a: 1 }, set: ["x", "y"] };
    expect(validateSchema({ spec }, schema)).toEqual([]);
  });
});

test("versions are ordered by stability, then age", () => {
  const versions = ["v1alpha1", "v1", "v1beta1", "v2", "v1beta2", "foo", "v10"];
  expect(versions.sort(compareVersions)).toEqual(["v10", "v2", "v1", "v1beta2", "v1beta1", "v1alpha1", "foo"]);
});
