import { describe, expect, test } from "@jest/globals";
import type { JsonObject } from "../api-object.ts";
import { validateStructure } from "./structural-rules.ts";

const at = "spec.versions[0].schema.openAPIV3Schema";

/** The complaints about a schema that has one field, `f`. */
function complaints(field: JsonObject, more: JsonObject = {}): string[] {
  const schema = { type: "object", properties: { f: field }, ...more };
  return validateStructure(schema, at).map((cause) => `${cause.field?.slice(at.length) ?? ""}: ${cause.message}`);
}

const text = { type: "string" };
const list = (items: JsonObject, more: JsonObject): JsonObject => ({ type: "array", items, ...more });
const keyed = { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] };

describe("schemas that are structural", () => {
  test.each<[string, JsonObject]>([
    ["a list by key", list({ type: "object", required: ["name"], properties: { name: text } }, keyed)],
    ["a list by a key with a default", list({ type: "object", properties: { name: { ...text, default: "" } } }, keyed)],
    ["a set", list(text, { "x-kubernetes-list-type": "set" })],
    ["an atomic map", { type: "object", "x-kubernetes-map-type": "atomic", additionalProperties: text }],
    ["an int or string", { "x-kubernetes-int-or-string": true, anyOf: [{ type: "integer" }, { type: "string" }] }],
    ["anything", { "x-kubernetes-preserve-unknown-fields": true }],
    [
      "an embedded resource",
      { type: "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true },
    ],
    [
      "one of two",
      { type: "object", properties: { a: text, b: text }, oneOf: [{ required: ["a"] }, { required: ["b"] }] },
    ],
    ["a default that fits", { type: "object", properties: { a: text }, default: { a: "x" } }],
    ["a pattern of Go's", { type: "string", pattern: "(?i)^a$" }],
  ])("%s", (_, field) => {
    expect(complaints(field)).toEqual([]);
  });
});

describe("schemas that are not, told as Kubernetes tells it", () => {
  const f = ".properties[f]";
  const noDefault =
    "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
  test.each<[JsonObject, string]>([
    [{}, `${f}.type: Required value: must not be empty for specified object fields`],
    [list({}, {}), `${f}.items.type: Required value: must not be empty for specified array items`],
    [
      { type: "text" },
      `${f}.type: Unsupported value: "text": supported values: "array", "boolean", "integer", "number", "object", "string"`,
    ],
    [{ type: "array" }, `${f}.items: Required value: must be specified`],
    [
      list(text, { "x-kubernetes-list-type": "bag" }),
      `${f}.x-kubernetes-list-type: Unsupported value: "bag": supported values: "atomic", "map", "set"`,
    ],
    [
      { ...text, "x-kubernetes-list-type": "set" },
      `${f}.type: Invalid value: "string": must be array if x-kubernetes-list-type is specified`,
    ],
    [
      { ...text, "x-kubernetes-map-type": "atomic" },
      `${f}.type: Invalid value: "string": must be object if x-kubernetes-map-type is specified`,
    ],
    [
      list(text, { "x-kubernetes-list-type": "map" }),
      `${f}.x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map`,
    ],
    [
      list(text, { "x-kubernetes-list-map-keys": ["a"] }),
      `${f}.x-kubernetes-list-type: Invalid value: "": must be map if x-kubernetes-list-map-keys is non-empty`,
    ],
    [
      list({ type: "object", properties: { name: text } }, keyed),
      `${f}.items.properties[name].default: Required value: ${noDefault}`,
    ],
    [
      list({ type: "object", properties: {} }, keyed),
      `${f}.items.properties: Invalid value: "name": entries in x-kubernetes-list-map-keys must all be names of item properties`,
    ],
    [
      { type: "object", additionalProperties: false },
      `${f}.additionalProperties: Forbidden: additionalProperties cannot be set to false`,
    ],
    [
      { type: "object", properties: { a: text }, additionalProperties: text },
      `${f}.additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive`,
    ],
    [{ ...text, $ref: "#/x" }, `${f}.$ref: Forbidden: $ref is not supported`],
    [
      list(text, { uniqueItems: true }),
      `${f}.uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic`,
    ],
    [{ ...text, anyOf: [{ type: "string" }] }, `${f}.anyOf[0].type: Forbidden: must be empty to be structural`],
    [
      { ...text, not: { properties: { a: { default: 1 } } } },
      `${f}.not.properties[a].default: Forbidden: must be empty to be structural`,
    ],
    [{ ...text, pattern: "(" }, `${f}.pattern: Invalid value: "(": must be a valid regular expression, but isn't`],
    [
      { ...text, default: 1 },
      `${f}.default: Invalid value: "integer": ${at}${f}.default in body must be of type string: "integer"`,
    ],
    [
      { type: "object", properties: { a: text }, default: { b: 1 } },
      `${f}.default: Invalid value: {"b":1}: must not have unknown fields`,
    ],
    [
      { type: "string", "x-kubernetes-preserve-unknown-fields": false },
      `${f}.x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined`,
    ],
    [
      { type: "string", "x-kubernetes-int-or-string": true },
      `${f}.type: Forbidden: must be empty if x-kubernetes-int-or-string is true`,
    ],
  ])("%j", (field, want) => {
    expect(complaints(field)).toEqual([want]);
  });

  test("the root is an object, and its metadata is not for it to describe", () => {
    expect(validateStructure({}, at)).toMatchObject([
      { field: `${at}.type`, message: "Required value: must not be empty at the root" },
    ]);
    expect(validateStructure({ type: "string" }, at)).toMatchObject([
      { message: 'Invalid value: "string": must be object at the root' },
    ]);
    const metadata = { type: "object", properties: { labels: { type: "object" } } };
    expect(complaints(text, { properties: { metadata } })).toEqual([
      ".properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified",
    ]);
  });
});
