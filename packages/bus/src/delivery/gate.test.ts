import { describe, expect, test } from "@jest/globals";
import { makeGate } from "./gate.ts";
import type { Gate, Pass } from "./gate.ts";

const LIMITS = { inFlight: 10, ratePerSecond: undefined, backlog: 1 };

function enter(gate: Gate, nowMs: number): Pass {
  const pass = gate.enter(nowMs);
  if (typeof pass === "string") throw new Error(pass);
  return pass;
}

test("so many at once; new limits hold for the next", () => {
  const gate = makeGate({ ...LIMITS, inFlight: 1 });
  const pass = enter(gate, 0);
  expect(gate.enter(0)).toBe("InFlightLimit");
  gate.setLimits({ ...LIMITS, inFlight: 2 });
  enter(gate, 0);
  pass.leave(0, false);
  expect(gate.inFlight).toBe(1);
});

test("so many a second, with a second's worth at once", () => {
  const gate = makeGate({ ...LIMITS, inFlight: 100, ratePerSecond: 2 });
  enter(gate, 1_000);
  enter(gate, 1_000);
  expect(gate.enter(1_000)).toBe("RateLimit");
  enter(gate, 1_500);
  expect(gate.enter(1_600)).toBe("RateLimit");
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
    expect(gate.isOpen(0)).toBe(false);
    expect(opened().enter(999)).toBe("CircuitOpen");
  });

  test("lets one probe through, and waits twice as long when it fails, up to a minute", () => {
    const gate = opened();
    const probe = enter(gate, 1_000);
    expect(gate.enter(1_000)).toBe("CircuitOpen");
    probe.leave(1_000, true);
    expect(gate.enter(2_999)).toBe("CircuitOpen");
    let nowMs = 3_000;
    for (let count = 0; count < 10; count += 1) {
      enter(gate, nowMs).leave(nowMs, true);
      nowMs += 60_000;
    }
    enter(gate, nowMs).leave(nowMs, false);
    expect(gate.isOpen(nowMs)).toBe(false);
  });

  test("is not opened for longer by attempts that began before", () => {
    const gate = makeGate(LIMITS);
    const passes = Array.from({ length: 10 }, () => enter(gate, 0));
    for (const pass of passes) pass.leave(0, true);
    expect(gate.isOpen(999)).toBe(true);
    expect(gate.isOpen(1_000)).toBe(false);
  });
});
