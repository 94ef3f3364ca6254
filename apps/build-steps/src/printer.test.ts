import { expect, test } from "@jest/globals";
import { makePrinter } from "./printer.ts";

test("a secret is masked however it is written", () => {
  const lines: string[] = [];
  const { say, hide } = makePrinter((line) => lines.push(line));
  hide("p@ss/word");
  hide("p@ss/word-longer");
  say("p@ss/word p%40ss%2Fword cEBzcy93b3Jk p@ss/word-longer");
  expect(lines).toEqual(["*** *** *** ***"]);
});

test("what is too short to be a secret masks nothing", () => {
  const { mask, hide } = makePrinter(() => undefined);
  hide("abc");
  expect(mask("abc abc")).toBe("abc abc");
});
