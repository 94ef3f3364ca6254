import { describe, expect, test } from "@jest/globals";
import { conditionText, newTime } from "../../meta/condition-text.testing.ts";
import { fieldErrorText } from "../../meta/field-error.ts";
import { defaultEventType } from "./event-type.defaults.ts";
import * as lifecycle from "./event-type.lifecycle.ts";
import type { EventType, EventTypeSpec } from "./event-type.types.ts";
import { validateEventType } from "./event-type.validation.ts";

type Version = "v1beta1" | "v1beta2" | "v1beta3";

function eventType(version: Version, spec: EventTypeSpec): EventType {
  return { apiVersion: `eventing.knative.dev/${version}`, metadata: { name: "e", namespace: "ns" }, spec };
}

function defaulted(version: Version, spec: EventTypeSpec): EventType {
  const object = eventType(version, structuredClone(spec));
  defaultEventType(object);
  return object;
}

const flat = { type: "t", source: "/s", schema: "http://schema" };
const attributes = [
  { name: "specversion", required: true },
  { name: "id", required: true },
  { name: "type", required: true, value: "t" },
  { name: "source", required: true, value: "/s" },
  { name: "schemadata", required: false, value: "http://schema" },
];

describe("the fields of all versions are in step", () => {
  test("written in v1beta2", () => {
    expect(defaulted("v1beta2", { ...flat, schemaData: "{}", description: "d" }).spec).toEqual({
      ...flat,
      schemaData: "{}",
      description: "d",
      attributes,
    });
  });

  test("written in v1beta3", () => {
    const more = { name: "region", value: "{region}" };
    expect(defaulted("v1beta3", { attributes: [...attributes, more] }).spec).toEqual({
      ...flat,
      attributes: [...attributes, more],
    });
  });

  test("the version it is written in counts, where they differ", () => {
    const both = { type: "other", source: "/other", schema: "x", schemaData: "{}", attributes };
    expect(defaulted("v1beta3", both).spec).toEqual({ ...flat, schemaData: "{}", attributes });
    const more = { name: "region", value: "eu" };
    expect(defaulted("v1beta1", { ...flat, attributes: [{ name: "type", value: "other" }, more] }).spec).toEqual({
      ...flat,
      attributes: [...attributes, more],
    });
    expect(defaulted("v1beta3", { ...flat, attributes: [{ name: "type", value: "u" }] }).spec).toEqual({
      type: "u",
      attributes: [{ name: "type", value: "u" }],
    });
  });

  test("a Broker is a reference too", () => {
    const { spec } = defaulted("v1beta1", { type: "t", broker: "b" });
    expect(spec.reference).toEqual({
      apiVersion: "eventing.knative.dev/v1",
      kind: "Broker",
      name: "b",
      namespace: "ns",
    });
    const reference = { apiVersion: "v1", kind: "Service", name: "s", namespace: "other" };
    expect(defaulted("v1beta1", { type: "t", broker: "b", reference }).spec.reference).toEqual(reference);
  });

  test.each(["v1beta1", "v1beta2", "v1beta3"] as const)("there and back by %s, nothing is lost", (version) => {
    const stored = defaulted("v1beta2", { ...flat, schemaData: "{}", broker: "b" });
    expect(defaulted(version, stored.spec).spec).toEqual(stored.spec);
  });
});

describe("validation", () => {
  test.each([
    ["v1beta2", { type: "t" }, ""],
    ["v1beta2", { source: "/s" }, "missing field(s): spec.type"],
    ["v1beta3", { attributes }, ""],
    ["v1beta3", {}, "missing field(s): spec.attributes[type]"],
    ["v1beta3", { attributes: [{ name: "type" }] }, "missing field(s): spec.attributes[type]"],
    ["v1beta3", { type: "t", attributes: [{ name: "id" }] }, "missing field(s): spec.attributes[type]"],
    ["v1beta3", { attributes: [...attributes, {}] }, "missing field(s): spec.attributes[5].name"],
    ["v1beta3", { attributes: [...attributes, attributes[0]] }, "duplicate attribute: spec.attributes[5].name"],
    [
      "v1beta3",
      { attributes: [...attributes, { name: "my-ext" }] },
      "invalid value: my-ext: spec.attributes[5].name\nmust be lower case letters and digits",
    ],
    ["v1beta3", { attributes: "x" }, "must be of type array, was string: spec.attributes"],
  ] as [Version, EventTypeSpec, string][])("%s %j", (version, spec, want) => {
    expect(fieldErrorText(validateEventType(defaulted(version, spec), {}))).toBe(want);
  });

  test("nothing changes, in whatever version it is asked for", () => {
    const stored = defaulted("v1beta2", { ...flat, broker: "b" });
    for (const version of ["v1beta1", "v1beta2", "v1beta3"] as const) {
      const same = defaulted(version, stored.spec);
      // The API server hands out the stored object under the version of the request.
      const old = { ...stored, apiVersion: same.apiVersion ?? "" };
      expect(validateEventType(same, { old })).toEqual([]);
      const described = { ...same, spec: { ...same.spec, description: "new" } };
      expect(fieldErrorText(validateEventType(described, { old }))).toBe(
        'Immutable fields changed (-old +new): spec\ndescription:\n\t-: absent\n\t+: "new"\n',
      );
    }
  });

  test("what Knative stored, without the fields of later versions, is no change", () => {
    for (const version of ["v1beta1", "v1beta2", "v1beta3"] as const) {
      const old = eventType(version, { ...flat, broker: "b" });
      expect(validateEventType(defaulted(version, old.spec), { old })).toEqual([]);
    }
  });
});

test("conditions", () => {
  const now = newTime();
  const status = lifecycle.initializeEventType(eventType("v1beta3", {}), now);
  expect(conditionText(status, "Ready")).toBe("Unknown");
  lifecycle.markReferenceDoesNotExist(status, "Broker ns/b", now);
  expect(conditionText(status, "Ready")).toBe("False/ReferenceDoesNotExist: Reference Broker ns/b does not exist");
  lifecycle.markReferenceNotSet(status, now);
  expect(conditionText(status, "ReferenceExists")).toBe("True/ReferenceNotSet: Reference field is not set");
  expect(conditionText(status, "Ready")).toBe("True");
  lifecycle.markReferenceExists(status, now);
  expect(conditionText(status, "ReferenceExists")).toBe("True");
});
