import { describe, expect, test } from "@jest/globals";
import {
  encodeStepOutcome,
  findStepResult,
  parseStepOutcome,
  stepOutcomeBytesMax,
  type StepOutcome,
} from "./step-outcome.ts";

const digest = `sha256:${"0".repeat(64)}`;

describe("step outcomes", () => {
  test.each<[string, StepOutcome]>([
    ["nothing to tell", { results: [] }],
    ["results", { results: [{ name: "digest", value: digest }] }],
    ["a failure", { results: [], failure: { reason: "SourceNotFound", message: 'there is no revision "x"' } }],
  ])("come through: %s", (_, outcome) => {
    expect(parseStepOutcome(encodeStepOutcome(outcome))).toEqual(outcome);
  });

  test.each([undefined, "", "Killed", "{", "[]", '{"results":{}}', '{"results":[{"name":1,"value":"x"}]}'])(
    "anything else is none: %s",
    (text) => {
      expect(parseStepOutcome(text)).toBeUndefined();
    },
  );

  test.each([
    [{ results: [{ name: "a b", value: "" }] }, "no name"],
    [{ results: [{ name: "a", value: "x".repeat(1025) }] }, "longer than 1024"],
    [{ results: Array.from({ length: 17 }, (_, index) => ({ name: `a${index}`, value: "" })) }, "at most 16"],
    [
      {
        results: [
          { name: "a", value: "1" },
          { name: "a", value: "2" },
        ],
      },
      "two results",
    ],
    [{ results: [], failure: { reason: "not found", message: "" } }, "no reason"],
    [
      { results: Array.from({ length: 5 }, (_, index) => ({ name: `a${index}`, value: "x".repeat(1000) })) },
      "more than 4096 bytes",
    ],
  ] as [StepOutcome, string][])("%# is refused", (outcome, problem) => {
    expect(() => encodeStepOutcome(outcome)).toThrow(problem);
    if (!problem.includes("bytes")) expect(parseStepOutcome(JSON.stringify(outcome))).toBeUndefined();
  });

  test.each(["a", "ä", "\u0001"])("a message of too many %j is cut, and the results stay", (sign) => {
    const text = encodeStepOutcome({
      results: [{ name: "digest", value: digest }],
      failure: { reason: "Failed", message: sign.repeat(10_000) },
    });
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(stepOutcomeBytesMax);
    const outcome = parseStepOutcome(text);
    expect(findStepResult(outcome, "digest")).toBe(digest);
    expect(outcome?.failure?.message.length).toBeGreaterThan(500);
  });
});
