import { describe, expect, test } from "@jest/globals";
import { Type as TypeBox } from "typebox";
import { Compile } from "typebox/compile";
import { IntOrString, MapOf, Preserved, StringEnum, Type } from "./schema.ts";
import { schemaErrors } from "./schema-check.ts";
import { Service } from "../serving/v1/service.types.ts";

test("the constructors make what TypeBox makes, marks included", () => {
  const make = (t: typeof TypeBox | typeof Type) => {
    const shared = t.String({ description: "shared" });
    return t.Object(
      {
        required: shared,
        optional: t.Optional(shared),
        list: t.Array(t.Integer({ minimum: 0 }), { maxItems: 3 }),
        flag: t.Optional(t.Boolean()),
        ratio: t.Number(),
        nested: t.Optional(t.Object({})),
      },
      { description: "an object" },
    );
  };
  const [ours, theirs] = [make(Type), make(TypeBox)];
  expect(ours).toEqual(theirs);
  expect(JSON.stringify(ours)).toBe(JSON.stringify(theirs));
  expect(descriptors(ours.properties.optional)).toEqual(descriptors(theirs.properties.optional));
});

describe("TypeBox's own validator takes our schemas, and agrees with our check", () => {
  const schema = Type.Object({
    name: Type.String(),
    size: Type.Optional(StringEnum(["S", "L"])),
    port: Type.Optional(IntOrString()),
    labels: Type.Optional(MapOf(Type.String())),
    rest: Type.Optional(Preserved()),
    counts: Type.Optional(Type.Array(Type.Integer({ minimum: 0 }))),
  });
  const validator = Compile(schema);
  test.each([
    { value: { name: "a" }, isValid: true },
    { value: { name: "a", size: "S", port: 80, labels: { a: "b" }, rest: { x: [1] }, counts: [0, 1] }, isValid: true },
    { value: { name: "a", port: "http", extra: true }, isValid: true },
    { value: {}, isValid: false },
    { value: { name: 1 }, isValid: false },
    { value: { name: "a", size: "M" }, isValid: false },
    { value: { name: "a", port: 1.5 }, isValid: false },
    { value: { name: "a", labels: { a: 1 } }, isValid: false },
    { value: { name: "a", rest: [] }, isValid: false },
    { value: { name: "a", counts: [-1] }, isValid: false },
    { value: { name: null }, isValid: false },
    { value: [], isValid: false },
  ])("$value", ({ value, isValid }) => {
    expect(validator.Check(value)).toBe(isValid);
    expect(schemaErrors(schema, value).length === 0).toBe(isValid);
  });
});

test("the largest kind compiles too", () => {
  const validator = Compile(Service.spec);
  expect(validator.Check({ template: { spec: { containers: [{ image: "x", ports: [{ containerPort: 1 }] }] } } })).toBe(
    true,
  );
  expect(validator.Check({ template: { spec: { containers: [{ image: 1 }] } } })).toBe(false);
});

function descriptors(schema: object): PropertyDescriptorMap {
  return Object.getOwnPropertyDescriptors(schema);
}
