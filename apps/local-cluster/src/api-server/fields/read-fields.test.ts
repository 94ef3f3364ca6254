import { describe, expect, test } from "@jest/globals";
import { builtInResources } from "../kinds.ts";
import { findDuplicateFields } from "./duplicate-fields.ts";
import { kindTypeOf } from "./kind-type-of.ts";
import { findKindType, type MessageType } from "./message-types.ts";
import { readFields } from "./read-fields.ts";

function typeOf(apiVersion: string, kind: string): MessageType {
  const type = findKindType(apiVersion, kind);
  if (type === undefined) throw new Error(`no ${kind}`);
  return type;
}

const pod = typeOf("v1", "Pod");
const readSpec = (spec: unknown): unknown => readFields({ spec }, pod, () => undefined)["spec"];

test("the table has every built-in kind", () => {
  expect(builtInResources.filter((resource) => kindTypeOf(resource) === undefined)).toEqual([]);
});

describe("what a kind does not have", () => {
  test("is dropped, and named by its path", () => {
    const unknown: string[] = [];
    const body = JSON.parse(
      '{"kind":"Pod","odd":1,"spec":{"containers":[{"name":"a"},{"name":"b","foo":{"x":1}}],"__proto__":{"x":1}}}',
    ) as Record<string, unknown>;
    expect(readFields(body, pod, (path) => unknown.push(path))).toEqual({
      kind: "Pod",
      spec: { containers: [{ name: "a" }, { name: "b" }] },
    });
    expect(unknown).toEqual(["odd", "spec.containers[1].foo", "spec.__proto__"]);
  });

  test("null counts as absent, but is an empty string in a map of strings", () => {
    const read = readFields({ data: { a: null }, immutable: null }, typeOf("v1", "ConfigMap"), () => undefined);
    expect(read).toEqual({ data: { a: "" } });
  });

  test("raw JSON and the schemas of a CRD are left as they are", () => {
    const schema = { type: "object", additionalProperties: true, default: { any: null } };
    const nested = { properties: { a: { ...schema, items: { type: "string" } } }, additionalProperties: schema };
    const spec = { versions: [{ schema: { openAPIV3Schema: nested } }] };
    const unknown: string[] = [];
    const crd = typeOf("apiextensions.k8s.io/v1", "CustomResourceDefinition");
    expect(readFields({ spec }, crd, (path) => unknown.push(path))).toEqual({ spec });
    expect(unknown).toEqual([]);
  });
});

describe("a value of the wrong type is refused with Go's text", () => {
  test.each([
    [{ hostNetwork: "yes" }, "string into Go struct field PodSpec.spec.hostNetwork of type bool"],
    [
      { containers: [{ ports: [{ containerPort: "80" }] }] },
      "string into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32",
    ],
    [
      { containers: [{ env: [{ value: 1 }] }] },
      "number into Go struct field EnvVar.spec.containers.env.value of type string",
    ],
    [{ containers: {} }, "object into Go struct field PodSpec.spec.containers of type []v1.Container"],
    [{ containers: ["x"] }, "string into Go struct field PodSpec.spec.containers of type v1.Container"],
    [{ priority: 1.5 }, "number 1.5 into Go struct field PodSpec.spec.priority of type int32"],
    [{ nodeSelector: { a: true } }, "bool into Go struct field PodSpec.spec.nodeSelector.a of type string"],
    [{ nodeSelector: [] }, "array into Go struct field PodSpec.spec.nodeSelector of type map[string]string"],
  ])("%j", (spec, want) => {
    expect(() => readSpec(spec)).toThrow(`json: cannot unmarshal ${want}`);
  });

  test.each(["1x", "", true, {}])("the quantity %j", (cpu) => {
    expect(() => readSpec({ containers: [{ resources: { limits: { cpu } } }] })).toThrow("quantities must match");
  });

  test("a time that is none", () => {
    const status = { startTime: "yesterday" };
    expect(() => readFields({ status }, pod, () => undefined)).toThrow('parsing time "yesterday"');
  });
});

test("times and quantities take the form in which they are written", () => {
  const lease = typeOf("coordination.k8s.io/v1", "Lease");
  const spec = { renewTime: "2026-01-01T00:00:00.5Z", acquireTime: "2026-01-01T02:00:00+02:00" };
  expect(readFields({ spec }, lease, () => undefined)["spec"]).toEqual({
    renewTime: "2026-01-01T00:00:00.500000Z",
    acquireTime: "2026-01-01T00:00:00.000000Z",
  });
  const status = { startTime: "2026-01-01T00:00:00.123Z" };
  expect(readFields({ status }, pod, () => undefined)).toEqual({ status: { startTime: "2026-01-01T00:00:00Z" } });
  const container = { resources: { limits: { cpu: 1, memory: "1.5Gi" } } };
  expect(readSpec({ containers: [container] })).toEqual({
    containers: [{ resources: { limits: { cpu: "1", memory: "1.5Gi" } } }],
  });
});

describe("fields that stand twice", () => {
  test.each([
    ['{"a":1,"b":{"a":1},"c":"a"}', []],
    ['{"a":1,"a":2,"a":3}', ["a"]],
    ['{"spec":{"ports":[{"name":"x"},{"name":"y","name":"z"}]}}', ["spec.ports[1].name"]],
    ['{"a":["x","x",{"b":[1,[2,{"c":1,"c":2}]]}]}', ["a[2].b[1][1].c"]],
    ['{"a\\"b":"{,}","a\\u0022b":1}', ['a"b']],
    ['{"a":"\\\\","b":"\\\\\\"","a":":"}', ["a"]],
    ["[]", []],
  ])("%s", (text, want) => {
    expect(findDuplicateFields(text, JSON.parse(text))).toEqual(want);
  });
});
