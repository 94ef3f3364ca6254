import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  clearCondition,
  conditionSet,
  getCondition,
  isFailed,
  isReady,
  keepTransitionTimes,
  kubeTime,
  markNewObservedGenFailure,
  type ConditionedStatus,
} from "./conditions.ts";

const set = conditionSet(["A", "B"]);
const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second));

// "A=True B=False/Reason Ready=False/Reason": all that users look at, in stored order.
function summary(status: ConditionedStatus): string {
  return (status.conditions ?? [])
    .map(({ type, status: value, reason }) => `${type}=${value}${reason === undefined ? "" : `/${reason}`}`)
    .join(" ");
}

function initialized(): ConditionedStatus {
  const status: ConditionedStatus = {};
  set.initialize(status, at(0));
  return status;
}

describe("initialize", () => {
  test("a new object is Unknown throughout, sorted by type", () => {
    expect(summary(initialized())).toBe("A=Unknown B=Unknown Ready=Unknown");
  });

  test("a dependent that is new since the object became ready starts True", () => {
    const status: ConditionedStatus = { conditions: [{ type: "Ready", status: "True" }] };
    set.initialize(status, at(0));
    expect(summary(status)).toBe("A=True B=True Ready=True");
  });

  test("a second time changes nothing, not even times", () => {
    const status = initialized();
    const before = structuredClone(status);
    set.initialize(status, at(9));
    expect(status).toEqual(before);
  });
});

describe("markTrue", () => {
  test("Ready waits for all dependents", () => {
    const status = initialized();
    set.markTrue(status, { type: "A" }, at(1));
    expect(summary(status)).toBe("A=True B=Unknown Ready=Unknown");
    set.markTrue(status, { type: "B" }, at(2));
    expect(summary(status)).toBe("A=True B=True Ready=True");
  });

  test("Ready takes reason and message of what is still False, before what is Unknown", () => {
    const status = initialized();
    set.markFalse(status, { type: "B", reason: "Broken", message: "B is broken." }, at(1));
    set.markTrue(status, { type: "A" }, at(2));
    expect(getCondition(status, "Ready")).toMatchObject({ status: "False", reason: "Broken", message: "B is broken." });
  });

  test("of several that are False the newest gives the reason", () => {
    const three = conditionSet(["A", "B", "C"]);
    const status: ConditionedStatus = {};
    three.initialize(status, at(0));
    three.markFalse(status, { type: "B", reason: "Newest" }, at(5));
    three.markFalse(status, { type: "A", reason: "Older" }, at(3));
    three.markTrue(status, { type: "C" }, at(6));
    expect(getCondition(status, "Ready")?.reason).toBe("Newest");
  });

  test("a dependent that was never set keeps Ready Unknown", () => {
    const status: ConditionedStatus = {};
    set.markTrue(status, { type: "A" }, at(1));
    expect(summary(status)).toBe("A=True Ready=Unknown");
  });

  test("a reason is kept on a True condition", () => {
    const status = initialized();
    set.markTrue(status, { type: "A", reason: "NotWanted", message: "off" }, at(1));
    expect(getCondition(status, "A")).toMatchObject({ status: "True", reason: "NotWanted", message: "off" });
  });
});

describe("markFalse and markUnknown", () => {
  test("a False dependent makes Ready False with the same words", () => {
    const status = initialized();
    set.markFalse(status, { type: "A", reason: "Bad", message: "It is bad." }, at(1));
    expect(getCondition(status, "Ready")).toMatchObject({ status: "False", reason: "Bad", message: "It is bad." });
  });

  test("Unknown does not hide another dependent's failure", () => {
    const status = initialized();
    set.markFalse(status, { type: "A", reason: "Bad" }, at(1));
    set.markUnknown(status, { type: "B", reason: "Waiting" }, at(2));
    expect(summary(status)).toBe("A=False/Bad B=Unknown/Waiting Ready=False/Bad");
  });

  test("Unknown sets Ready False when a dependent is False and Ready is not yet", () => {
    const status: ConditionedStatus = {
      conditions: [
        { type: "A", status: "False" },
        { type: "Ready", status: "True" },
      ],
    };
    set.markUnknown(status, { type: "B", reason: "Waiting" }, at(2));
    expect(getCondition(status, "Ready")).toMatchObject({ status: "False", reason: "Waiting" });
  });

  test("Unknown takes Ready with it when nothing is False", () => {
    const status = initialized();
    set.markTrue(status, { type: "A" }, at(1));
    set.markTrue(status, { type: "B" }, at(1));
    set.markUnknown(status, { type: "B", reason: "Again" }, at(2));
    expect(summary(status)).toBe("A=True B=Unknown/Again Ready=Unknown/Again");
  });

  test.each(["True", "False", "Unknown"])("an informational condition that is %s leaves Ready alone", (value) => {
    const status = initialized();
    set.markTrue(status, { type: "A" }, at(1));
    set.markTrue(status, { type: "B" }, at(1));
    const mark = { type: "Info", reason: "Because" };
    if (value === "True") set.markTrue(status, mark, at(2));
    if (value === "False") set.markFalse(status, mark, at(2));
    if (value === "Unknown") set.markUnknown(status, mark, at(2));
    expect(getCondition(status, "Ready")?.status).toBe("True");
    expect(getCondition(status, "Info")?.severity).toBe("Info");
  });
});

describe("transition times", () => {
  test("move only when something else changes", () => {
    const status = initialized();
    set.markFalse(status, { type: "A", reason: "Bad" }, at(1));
    set.markFalse(status, { type: "A", reason: "Bad" }, at(7));
    expect(getCondition(status, "A")?.lastTransitionTime).toBe("2026-01-01T00:00:01Z");
    set.markFalse(status, { type: "A", reason: "Worse" }, at(8));
    expect(getCondition(status, "A")?.lastTransitionTime).toBe("2026-01-01T00:00:08Z");
  });

  test("a condition that ends a reconcile as it began it keeps its time", () => {
    const status = initialized();
    set.markTrue(status, { type: "A" }, at(1));
    const before = structuredClone(status);
    set.markUnknown(status, { type: "A" }, at(5));
    set.markTrue(status, { type: "A" }, at(6));
    keepTransitionTimes(status, before);
    expect(status).toEqual(before);
  });

  test("are RFC 3339 in UTC to the second", () => {
    expect(kubeTime(new Date("2026-03-04T05:06:07.891Z"))).toBe("2026-03-04T05:06:07Z");
  });
});

test("an object is ready or failed only in the generation that was observed", () => {
  const status: ConditionedStatus = { observedGeneration: 1, conditions: [{ type: "Ready", status: "True" }] };
  expect(isReady({ metadata: { generation: 1 }, status })).toBe(true);
  expect(isReady({ metadata: { generation: 2 }, status })).toBe(false);
  expect(isFailed({ metadata: { generation: 1 }, status })).toBe(false);
  expect(isReady({ metadata: { generation: 1 } })).toBe(false);
});

test("a new generation that was not worked through says so", () => {
  const status = initialized();
  markNewObservedGenFailure(status, set, at(1));
  expect(getCondition(status, "Ready")).toMatchObject({
    status: "Unknown",
    reason: "NewObservedGenFailure",
    message: "unsuccessfully observed a new generation",
  });
});

test("clearing a condition leaves the others", () => {
  const status = initialized();
  clearCondition(status, "A");
  expect(summary(status)).toBe("B=Unknown Ready=Unknown");
});

test("whatever is marked, Ready is True only if all dependents are, and False only if one is", () => {
  const mark = fc.record({
    verb: fc.constantFrom("markTrue" as const, "markFalse" as const, "markUnknown" as const),
    type: fc.constantFrom("A", "B", "Info"),
    reason: fc.constantFrom("", "X", "Y"),
  });
  fc.assert(
    fc.property(fc.array(mark, { maxLength: 20 }), (marks) => {
      const status = initialized();
      marks.forEach(({ verb, type, reason }, index) => set[verb](status, { type, reason }, at(index + 1)));
      const values = ["A", "B"].map((type) => getCondition(status, type)?.status);
      const expected = values.includes("False") ? "False" : values.includes("Unknown") ? "Unknown" : "True";
      expect(getCondition(status, "Ready")?.status).toBe(expected);
      const types = (status.conditions ?? []).map(({ type }) => type);
      expect(types).toEqual(types.toSorted());
    }),
  );
});
