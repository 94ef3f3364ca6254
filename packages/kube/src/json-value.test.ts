import { describe, expect, test } from "@jest/globals";
import { deepCopy, deepFreeze, isSemanticallyEqual } from "./json-value.ts";

describe("isSemanticallyEqual", () => {
  test.each([
    [{ a: 1, b: undefined }, { a: 1 }],
    [{ a: { b: [] } }, { a: {} }],
    [{ a: null }, { a: {} }],
    [undefined, null],
    [
      { b: 1, a: [1, { c: 2 }] },
      { a: [1, { c: 2, d: [] }], b: 1 },
    ],
    ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000Z"],
    ["2026-01-01T00:00:00.500Z", "2026-01-01T00:00:00.500000Z"],
  ])("%j and %j are alike", (left, right) => {
    expect(isSemanticallyEqual(left, right)).toBe(true);
    expect(isSemanticallyEqual(right, left)).toBe(true);
  });

  test.each([
    [{ a: 0 }, {}],
    [{ a: "" }, {}],
    [{ a: false }, {}],
    [
      [1, 2],
      [2, 1],
    ],
    [[1], { 0: 1 }],
    [{ a: { b: 1 } }, { a: { b: 1, c: 1 } }],
    ["2026-01-01T00:00:00.000001Z", "2026-01-01T00:00:00Z"],
    ["a", "b"],
    [{ constructor: "x" }, {}],
  ])("%j and %j differ", (left, right) => {
    expect(isSemanticallyEqual(left, right)).toBe(false);
    expect(isSemanticallyEqual(right, left)).toBe(false);
  });
});

test("a deep copy shares nothing, and keeps odd keys", () => {
  const original = JSON.parse('{"a":[{"b":1}],"__proto__":{"x":1},"n":null}') as { a: { b: number }[] };
  const copy = deepCopy(original);
  expect(JSON.stringify(copy)).toBe(JSON.stringify(original));
  const [item] = copy.a;
  if (item !== undefined) item.b = 2;
  expect(original.a[0]?.b).toBe(1);
  expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
});

test("a deep-frozen value cannot be changed anywhere", () => {
  const frozen = deepFreeze({ a: [{ b: 1 }] });
  expect(() => frozen.a.push({ b: 2 })).toThrow(TypeError);
  expect(() => Object.assign(frozen.a[0] ?? {}, { b: 2 })).toThrow(TypeError);
});
