import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { arrayElements, isJson, objectMembers, readString } from "./json-members.ts";

describe("objectMembers", () => {
  test("tells where names and values stand", () => {
    const document = Buffer.from(' { "a" : "x\\u00e9\\"" , "b":[1,{"c":null}],"d":-1.5e+3 } ');
    const members = objectMembers(document);
    expect(members.map(({ name, valueStart, end }) => [name, document.toString("utf8", valueStart, end)])).toEqual([
      ["a", '"x\\u00e9\\""'],
      ["b", '[1,{"c":null}]'],
      ["d", "-1.5e+3"],
    ]);
    expect(readString(document, members[0]!.valueStart, members[0]!.end)).toBe('xé"');
  });

  test.each([
    ["", "expected a JSON object at byte 0"],
    ["[]", "expected a JSON object at byte 0"],
    ['{"a":1,}', "expected a member's name in double quotes at byte 7"],
    ['{"a":1} x', "more follows the document at byte 8"],
    ['{"a":1,"\\u0061":2}', '"a" is there twice at byte 7'],
    ['{"a":01}', "expected a comma or a closing brace at byte 6"],
    ['{"a":"\t"}', "a control character in a string at byte 6"],
    ['{"a":"\\x"}', "an unknown escape at byte 6"],
    ['{"a":nul}', "expected a JSON value at byte 5"],
    ['{"a":"', "a string does not end at byte 5"],
    ['{"a":', "the document ends early at byte 5"],
    [`{"a":${"[".repeat(300)}`, "nested deeper than 256 at byte 260"],
  ])("refuses %s", (text, message) => {
    expect(() => objectMembers(Buffer.from(text))).toThrow(message);
  });
});

test("arrayElements bounds their number", () => {
  const document = Buffer.from('[1, {"a":[]} ,"x"]');
  expect(arrayElements(document, 3).map(({ start, end }) => document.toString("utf8", start, end))).toEqual([
    "1",
    '{"a":[]}',
    '"x"',
  ]);
  expect(() => arrayElements(document, 2)).toThrow("more than 2 elements");
});

test("agrees with JSON.parse on what is JSON", () => {
  const pieces = fc.constantFrom(...'{}[],:"\\ntrue false null 0 -1 1.5 1e9 01 . \t\n u00e9 abc'.split(/(?!$)/u));
  const soup = fc.array(pieces, { maxLength: 24 }).map((parts) => parts.join(""));
  const damaged = fc
    .tuple(fc.json({ maxDepth: 4 }), fc.nat(), fc.constantFrom("", ",", '"', "}", "0", "\\"))
    .map(([text, at, put]) => text.slice(0, at % (text.length + 1)) + put + text.slice((at % (text.length + 1)) + 1));
  fc.assert(
    fc.property(fc.oneof(soup, damaged, fc.json({ maxDepth: 5 })), (text) => {
      expect(isJson(Buffer.from(text))).toBe(parses(text));
    }),
    { seed: 20_260_101, numRuns: 5_000 },
  );
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
