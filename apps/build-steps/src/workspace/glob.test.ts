import { expect, test } from "@jest/globals";
import { compileGlob } from "./glob.ts";

test.each<[string, string[], string[]]>([
  ["**", ["a", ".env", "a/.b/c"], []],
  ["*", ["a", ".env"], ["a/b"]],
  ["*.ts", ["a.ts", ".ts"], ["a/b.ts", "a.tsx", "atts"]],
  ["**/*.ts", ["a.ts", "a/b/c.ts", ".a/b.ts"], ["a.tsx"]],
  ["src/**", ["src/a", "src/a/b"], ["srcs/a", "a/src/b"]],
  ["src/**/x", ["src/x", "src/a/b/x"], ["src/ax", "x"]],
  ["a?c", ["abc", "a.c"], ["a/c", "ac"]],
  ["[a-c]x", ["ax", "cx"], ["dx", "-x"]],
  ["[!a]x", ["bx"], ["ax", "/x"]],
  ["[&~|^-]x", ["&x", "^x", "-x"], ["ax"]],
  ["{a,b/c}.txt", ["a.txt", "b/c.txt"], ["c.txt", "{a,b/c}.txt"]],
  ["a{b", ["a{b"], ["ab"]],
  ["a}b", ["a}b"], ["ab"]],
  ["a\\*b", ["a*b"], ["axb"]],
  ["a+(b)$^|.", ["a+(b)$^|."], ["aab"]],
])("%s", (glob, fits, others) => {
  const matches = compileGlob(glob);
  expect(fits.filter((path) => !matches(path))).toEqual([]);
  expect(others.filter((path) => matches(path))).toEqual([]);
});

test("one that means nothing, or would take for ever, is refused", () => {
  expect(() => compileGlob("[z-a]")).toThrow("means nothing");
  expect(() => compileGlob("*a".repeat(17))).toThrow("more than 16 stars");
  expect(() => compileGlob("a".repeat(1025))).toThrow("too long");
});
