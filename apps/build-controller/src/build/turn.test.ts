import { describe, expect, test } from "@jest/globals";
import type { Build } from "@kelvin/api/build/v1alpha1";
import { build, finished } from "../../test/builders.ts";
import { decideExpiryMs } from "./expiry.ts";
import { decideTurn } from "./turn.ts";

type Options = { second?: number; policy?: "Supersede" | "Queue"; ended?: "True" | "False"; status?: string };

function member(name: string, { second = 0, policy, ended, status = "" }: Options = {}): Build {
  const concurrency = { group: "g", ...(policy === undefined ? {} : { policy }) };
  return build(name, { concurrency, Status: status }, (object) => {
    object.metadata.creationTimestamp = `2026-01-01T00:00:0${second}Z`;
    if (ended !== undefined) finished(ended, "x", `2026-01-01T00:01:0${second}Z`)(object);
  });
}

describe("whose turn it is", () => {
  const b = member("b", { second: 5 });
  test.each<[string, Build[], string[], unknown]>([
    ["alone", [], [], { state: "now" }],
    ["after one that has ended", [member("a", { ended: "True" })], [], { state: "now" }],
    ["after one whose Pod is still there", [member("a", { ended: "False" })], ["a"], { state: "wait", waitsFor: "a" }],
    ["after one that runs", [member("a")], [], { state: "wait", waitsFor: "a" }],
    [
      "after the oldest",
      [member("z", { second: 1 }), member("a", { second: 2 })],
      [],
      { state: "wait", waitsFor: "z" },
    ],
    ["before a newer one", [member("c", { second: 6 })], [], { state: "superseded", by: "c" }],
    ["before several", [member("d", { second: 7 }), member("c", { second: 6 })], [], { state: "superseded", by: "d" }],
    ["before a newer one of the same second", [member("c", { second: 5 })], [], { state: "superseded", by: "c" }],
    ["after an older one of the same second", [member("a", { second: 5 })], [], { state: "wait", waitsFor: "a" }],
    ["before one that only queues", [member("c", { second: 6, policy: "Queue" })], [], { state: "now" }],
    ["before one that was cancelled", [member("c", { second: 6, status: "BuildCancelled" })], [], { state: "now" }],
    [
      "before one that has ended already",
      [member("c", { second: 6, ended: "True" })],
      [],
      { state: "superseded", by: "c" },
    ],
  ])("%s", (...[, mates, withPod, want]) => {
    expect(decideTurn(b, mates, ({ metadata }) => withPod.includes(metadata.name ?? ""))).toEqual(want);
  });
});

describe("when a finished Build goes", () => {
  const now = new Date("2026-01-01T00:02:00Z");
  const limited = (name: string, second: number, ended: "True" | "False"): Build => {
    const object = member(name, { second, ended });
    object.spec.historyLimits = { successful: 1, failed: 2 };
    return object;
  };
  test.each<[string, Build, Build[], number | undefined]>([
    ["never by itself", member("a", { ended: "True" }), [], undefined],
    ["one is kept", limited("a", 1, "True"), [limited("b", 2, "False")], undefined],
    ["one that succeeded later takes its place", limited("a", 1, "True"), [limited("b", 2, "True")], 0],
    ["an earlier one does not", limited("b", 2, "True"), [limited("a", 1, "True")], undefined],
    ["one that still runs does not", limited("a", 1, "True"), [member("b", { second: 2 })], undefined],
    ["two failed ones are kept", limited("a", 1, "False"), [limited("b", 2, "False")], undefined],
    ["not three", limited("a", 1, "False"), [limited("b", 2, "False"), limited("c", 3, "False")], 0],
  ])("%s", (...[, object, mates, want]) => {
    expect(decideExpiryMs(object, mates, now)).toBe(want);
  });

  test("in time", () => {
    const object = member("a", { ended: "True" });
    object.spec.ttlSecondsAfterFinished = 90;
    expect(decideExpiryMs(object, [], now)).toBe(30_000);
    expect(decideExpiryMs(object, [], new Date("2026-01-01T00:05:00Z"))).toBe(0);
  });
});
