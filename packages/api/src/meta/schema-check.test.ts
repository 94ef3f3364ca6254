import { expect, test } from "@jest/globals";
import { fieldErrorText } from "./field-error.ts";
import { Type } from "./schema.ts";
import { schemaErrors, specErrors } from "./schema-check.ts";
import { Service } from "../serving/v1/service.types.ts";

test.each([
  [{ spec: { traffic: {} } }, "must be of type array, was object: spec.traffic"],
  [{ spec: { traffic: null } }, "must be of type array, was null: spec.traffic"],
  [{ spec: { traffic: [{ percent: "50" }] } }, "must be of type integer, was string: spec.traffic[0].percent"],
  [
    { spec: { template: { metadata: { annotations: { "autoscaling.knative.dev/min-scale": 1 } } } } },
    "must be of type string, was integer: spec.template.metadata.annotations.autoscaling.knative.dev/min-scale",
  ],
  [{ spec: "all of it" }, "must be of type object, was string: spec"],
  [{}, ""],
])("%j", (object, want) => {
  expect(fieldErrorText(specErrors(Service, object))).toBe(want);
});

test("stops after 20 errors", () => {
  const list = Array.from({ length: 1000 }, () => "x");
  expect(schemaErrors(Type.Array(Type.Integer()), list)).toHaveLength(20);
});

test("keys that every object inherits are fields like any other", () => {
  const schema = Type.Object({ constructor: Type.Optional(Type.String()) });
  expect(schemaErrors(schema, {})).toEqual([]);
  expect(schemaErrors(Type.Object({ a: Type.Optional(Type.String()) }), JSON.parse('{"__proto__": 1}'))).toEqual([]);
});
