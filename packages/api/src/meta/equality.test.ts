import { describe, expect, test } from "@jest/globals";
import { differences, differenceText, isSemanticallyEqual } from "./equality.ts";

describe("equal", () => {
  test.each([
    [{ a: 1 }, { a: 1, b: undefined }],
    [{ env: [] }, {}],
    [{ metadata: { labels: {} } }, {}],
    [{ resources: { limits: { cpu: "1000m" } } }, { resources: { limits: { cpu: 1 } } }],
    [{ a: null }, {}],
    [
      { b: 1, a: 2 },
      { a: 2, b: 1 },
    ],
  ])("%j %j", (a, b) => {
    expect(isSemanticallyEqual(a, b)).toBe(true);
  });
});

describe("different", () => {
  test.each([
    // An empty emptyDir is a volume, none is not.
    [{ emptyDir: {} }, {}],
    [{ a: false }, {}],
    [{ a: [1, 2] }, { a: [2, 1] }],
    [{ cpu: "1000m" }, { cpu: "1" }],
  ])("%j %j", (a, b) => {
    expect(isSemanticallyEqual(a, b)).toBe(false);
  });
});

test("differences name the place", () => {
  const before = { containers: [{ image: "a", env: [{ name: "X" }] }] };
  const after = { containers: [{ image: "b" }, { image: "c" }] };
  expect(differences(before, after).map(({ path }) => path)).toEqual([
    "containers[0].env",
    "containers[0].image",
    "containers[1]",
  ]);
  expect(differenceText({ image: "a" }, { image: "b", args: ["c"] })).toBe(
    'args:\n\t-: absent\n\t+: ["c"]\nimage:\n\t-: "a"\n\t+: "b"\n',
  );
});
