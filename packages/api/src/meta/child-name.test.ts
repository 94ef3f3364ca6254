import { createHash } from "node:crypto";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { childName } from "./child-name.ts";

test.each([
  { parent: "asdf", suffix: "-deployment", want: "asdf-deployment" },
  { parent: "a".repeat(52), suffix: "-deployment", want: `${"a".repeat(52)}-deployment` },
  { parent: "a".repeat(63), suffix: "", want: "a".repeat(63) },
  {
    parent: "a".repeat(63),
    suffix: "-deployment",
    want: `${"a".repeat(20)}${md5("a".repeat(63))}-deployment`,
  },
  { parent: "a", suffix: "b".repeat(63), want: `a${md5(`a${"b".repeat(63)}`)}${"b".repeat(30)}` },
  { parent: "a".repeat(63), suffix: "b".repeat(31), want: `${"a".repeat(31)}${md5("a".repeat(63) + "b".repeat(31))}` },
])("$parent + $suffix", ({ parent, suffix, want }) => {
  expect(childName(parent, suffix)).toBe(want);
});

test("a dash where the cut falls is dropped", () => {
  const name = childName("a", `-${"b".repeat(28)}-${"c".repeat(40)}`);
  expect(name).toHaveLength(62);
  expect(name.endsWith("b")).toBe(true);
});

test("is never longer than a label may be, and the same for the same parts", () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^[a-z][a-z0-9-]{0,80}$/),
      fc.stringMatching(/^[a-z0-9-]{0,80}$/),
      (parent, suffix) => {
        const name = childName(parent, suffix);
        expect(name.length).toBeLessThanOrEqual(63);
        expect(childName(parent, suffix)).toBe(name);
      },
    ),
  );
});

function md5(text: string): string {
  return createHash("md5").update(text).digest("hex");
}
