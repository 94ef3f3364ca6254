import { describe, expect, test } from "@jest/globals";
import { makeGate } from "./gate.ts";
import type { Gate, Pass } from "./gate.ts";

const LIMITS = { inFlight: 10, ratePerSecond: undefined, backlog: 1 };

function enter(gate: Gate, nowMs: number): Pass {
  const entry = gate.enter(nowMs, false);
  if (entry.kind === "refused") throw new Error(entry.reason);
  return entry;
}

function refusal(gate: Gate, nowMs: number): string {
  const entry = gate.enter(nowMs, false);
  return entry.kind === "refused" ? entry.reason : entry.kind;
}

test("so many at once; new limits hold for the next", () => {
  const gate = makeGate({ ...LIMITS, inFlight: 1 });
  const pass = enter(gate, 0);
  expect(refusal(gate, 0)).toBe("InFlightLimit");
  gate.setLimits({ ...LIMITS, inFlight: 2 });
  enter(gate, 0);
  pass.leave(0, false);
  expect(gate.inFlight).toBe(1);
});

describe("so many a second", () => {
  test("with a second's worth at once", () => {
    const gate = makeGate({ ...LIMITS, inFlight: 100, ratePerSecond: 2 });
    enter(gate, 1_000);
    enter(gate, 1_000);
    expect(gate.enter(1_000, false)).toEqual({ kind: "refused", reason: "RateLimit", waitMs: 500, hasTurn: true });
    expect(gate.enter(1_100, false)).toMatchObject({ waitMs: 900, hasTurn: true });
    expect(gate.enter(1_500, true).kind).toBe("entered");
    expect(gate.enter(2_000, true).kind).toBe("entered");
    expect(gate.enter(2_400, false)).toMatchObject({ waitMs: 100 });
    enter(gate, 60_000);
    enter(gate, 60_000);
    expect(refusal(gate, 60_000)).toBe("RateLimit");
  });

  test("slower than one a second too", () => {
    const gate = makeGate({ ...LIMITS, ratePerSecond: 0.1 });
    enter(gate, 50_000);
    expect(gate.enter(50_000, false)).toMatchObject({ reason: "RateLimit", waitMs: 10_000, hasTurn: true });
    expect(gate.enter(50_000, false)).toMatchObject({ reason: "RateLimit", waitMs: 20_000, hasTurn: false });
    expect(gate.enter(50_000, false)).toMatchObject({ waitMs: 20_000, hasTurn: false });
  });

  test("turns ahead go to no more than may be under way at once", () => {
    const gate = makeGate({ ...LIMITS, inFlight: 3, ratePerSecond: 1 });
    enter(gate, 0).leave(0, false);
    const turns = [1, 2, 3, 4, 5].map(() => gate.enter(0, false));
    expect(turns.map((turn) => turn.kind === "refused" && turn.hasTurn)).toEqual([true, true, true, false, false]);
  });
});

describe("the circuit", () => {
  const opened = (): Gate => {
    const gate = makeGate(LIMITS);
    for (let count = 0; count < 5; count += 1) enter(gate, 0).leave(0, true);
    return gate;
  };

  test("opens after five failures in a row, and only then", () => {
    const gate = makeGate(LIMITS);
    for (let count = 0; count < 20; count += 1) enter(gate, 0).leave(0, count % 5 !== 4);
    expect(gate.circuit(0)).toEqual({ state: "closed", untilMs: undefined });
    expect(opened().enter(999, false)).toMatchObject({ reason: "CircuitOpen", waitMs: 1, hasTurn: false });
  });

  test("lets one probe through, and waits twice as long when it fails, up to a minute", () => {
    const gate = opened();
    const probe = enter(gate, 1_000);
    expect(refusal(gate, 1_000)).toBe("CircuitOpen");
    probe.leave(1_000, true);
    expect(refusal(gate, 2_999)).toBe("CircuitOpen");
    let nowMs = 3_000;
    for (let count = 0; count < 10; count += 1) {
      enter(gate, nowMs).leave(nowMs, true);
      nowMs += 60_000;
    }
    enter(gate, nowMs).leave(nowMs, false);
    expect(gate.circuit(nowMs).state).toBe("closed");
  });

  test("is not opened for longer by attempts that began before", () => {
    const gate = makeGate(LIMITS);
    const passes = Array.from({ length: 10 }, () => enter(gate, 0));
    for (const pass of passes) pass.leave(0, true);
    expect(gate.circuit(999)).toEqual({ state: "open", untilMs: 1_000 });
    expect(gate.circuit(1_000).state).toBe("half-open");
  });
});
