import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { decideScale, noMemory, type ScaleMemory, type ScaleObservation } from "./decide.ts";
import type { ScaleSpec } from "./scale-spec.ts";

const spec: ScaleSpec = {
  metric: "concurrency",
  targetPerPod: 10,
  stableWindowMs: 60_000,
  panicWindowMs: 6_000,
  panicThresholdRatio: 2,
  scaleUpRateMax: 1000,
  scaleDownRateMax: 2,
  scaleDownDelayMs: 0,
  podCountMin: 0,
  podCountMax: 0,
  podCountInitial: 1,
  podCountActivation: 1,
  canScaleToZero: true,
  scaleToZeroGraceMs: 30_000,
  progressDeadlineMs: 600_000,
  isReachable: true,
};

const quiet: ScaleObservation = {
  stableLoad: 0,
  panicLoad: 0,
  outstanding: 0,
  idleMs: Infinity,
  activeMs: Infinity,
  activatingMs: 0,
  podCountReady: 1,
  podCountCurrent: 1,
  isInitialized: true,
  isComplete: true,
};

const rows: {
  name: string;
  spec?: Partial<ScaleSpec>;
  observation: Partial<ScaleObservation>;
  memory?: ScaleMemory;
  want: number;
}[] = [
  { name: "nothing for the window and the grace: zero", observation: {}, want: 0 },
  { name: "the grace is not over", observation: { idleMs: 89_000 }, want: 1 },
  { name: "the grace is over", observation: { idleMs: 90_000 }, want: 0 },
  { name: "just became active, never a request", observation: { activeMs: 10_000 }, want: 1 },
  { name: "unreachable: no grace", spec: { isReachable: false }, observation: { idleMs: 60_000 }, want: 0 },
  { name: "scale to zero disabled", spec: { canScaleToZero: false }, observation: {}, want: 1 },
  { name: "minimum holds", spec: { podCountMin: 2 }, observation: {}, want: 2 },
  {
    name: "minimum does not hold an unreachable revision",
    spec: { podCountMin: 2, isReachable: false },
    observation: {},
    want: 0,
  },
  { name: "an idle websocket keeps the last pod", observation: { outstanding: 1, idleMs: 0 }, want: 1 },
  {
    name: "first request at zero",
    observation: { podCountReady: 0, podCountCurrent: 0, outstanding: 1, idleMs: 0 },
    want: 1,
  },
  {
    name: "100 requests at zero",
    observation: { podCountReady: 0, podCountCurrent: 0, outstanding: 100, idleMs: 0 },
    want: 10,
  },
  {
    name: "activation scale from zero",
    spec: { podCountActivation: 3 },
    observation: { podCountReady: 0, podCountCurrent: 0, outstanding: 1, idleMs: 0 },
    want: 3,
  },
  {
    name: "before the initial scale was reached",
    spec: { podCountInitial: 3 },
    observation: { isInitialized: false, podCountReady: 0, podCountCurrent: 3 },
    want: 3,
  },
  {
    name: "stable load",
    observation: { stableLoad: 35, panicLoad: 35, podCountReady: 4, podCountCurrent: 4, idleMs: 0 },
    want: 4,
  },
  {
    name: "scale-down is limited to half",
    observation: { stableLoad: 1, panicLoad: 1, podCountReady: 10, podCountCurrent: 10, idleMs: 0 },
    want: 5,
  },
  {
    name: "panic",
    observation: { stableLoad: 10, panicLoad: 100, podCountReady: 2, podCountCurrent: 2, idleMs: 0 },
    want: 10,
  },
  {
    name: "panic does not come down",
    memory: { panicSinceMs: 990_000, panicPodCount: 9, recentWishes: [] },
    observation: { stableLoad: 1, panicLoad: 1, podCountReady: 9, podCountCurrent: 9, idleMs: 0 },
    want: 9,
  },
  {
    name: "maximum",
    spec: { podCountMax: 5 },
    observation: { stableLoad: 500, panicLoad: 500, podCountReady: 5, podCountCurrent: 5, idleMs: 0 },
    want: 5,
  },
  {
    name: "a silent activator: not scaled in",
    observation: { isComplete: false, podCountReady: 4, podCountCurrent: 4 },
    want: 4,
  },
  {
    name: "a silent activator: scaled out",
    observation: { isComplete: false, stableLoad: 80, panicLoad: 80, podCountReady: 4, podCountCurrent: 4, idleMs: 0 },
    want: 8,
  },
  {
    name: "activation given up",
    observation: { podCountReady: 0, isInitialized: false, activatingMs: 630_000, outstanding: 1, idleMs: 0 },
    want: 0,
  },
  {
    name: "delay keeps an earlier wish",
    spec: { scaleDownDelayMs: 30_000 },
    memory: { panicPodCount: 0, recentWishes: [{ atMs: 980_000, podCount: 4 }] },
    observation: { stableLoad: 15, panicLoad: 15, podCountReady: 4, podCountCurrent: 4, idleMs: 0 },
    want: 4,
  },
  {
    name: "delay is over",
    spec: { scaleDownDelayMs: 30_000 },
    memory: { panicPodCount: 0, recentWishes: [{ atMs: 960_000, podCount: 4 }] },
    observation: { stableLoad: 15, panicLoad: 15, podCountReady: 4, podCountCurrent: 4, idleMs: 0 },
    want: 2,
  },
];

describe("decideScale", () => {
  test.each(rows)("$name: $want", ({ spec: change, observation, memory, want }) => {
    const context = { memory: memory ?? noMemory, nowMs: 1_000_000 };
    const { decision } = decideScale({ ...spec, ...change }, { ...quiet, ...observation }, context);
    expect({ podCount: decision.podCount, reason: decision.reason }).toEqual({
      podCount: want,
      reason: expect.stringMatching(/./),
    });
  });

  const loads = fc.record({
    stableLoad: fc.double({ min: 0, max: 5000, noNaN: true }),
    panicLoad: fc.double({ min: 0, max: 5000, noNaN: true }),
    outstanding: fc.nat(1000),
    idleMs: fc.nat(200_000),
    activeMs: fc.nat(200_000),
    podCountReady: fc.nat(50),
    podCountCurrent: fc.nat(50),
    isInitialized: fc.boolean(),
    isComplete: fc.boolean(),
  });

  test("always inside the bounds", () => {
    fc.assert(
      fc.property(loads, fc.nat(5), fc.nat(20), (load, podCountMin, span) => {
        const bounds = { podCountMin, podCountMax: podCountMin + span + 1 };
        const { decision } = decideScale({ ...spec, ...bounds }, { ...quiet, ...load }, { memory: noMemory, nowMs: 1 });
        expect(decision.podCount).toBeGreaterThanOrEqual(bounds.podCountMin);
        expect(decision.podCount).toBeLessThanOrEqual(bounds.podCountMax);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  test("more load, with all else equal, never means fewer pods", () => {
    fc.assert(
      fc.property(loads, fc.nat(1000), fc.nat(1000), (load, moreStable, morePanic) => {
        const observation = { ...quiet, ...load };
        const higher = {
          ...observation,
          stableLoad: observation.stableLoad + moreStable,
          panicLoad: observation.panicLoad + morePanic,
        };
        const context = { memory: noMemory, nowMs: 1 };
        const before = decideScale(spec, observation, context).decision.podCount;
        expect(decideScale(spec, higher, context).decision.podCount).toBeGreaterThanOrEqual(before);
      }),
      { seed: 2, numRuns: 500 },
    );
  });

  test("a panic never lowers what it asked for", () => {
    fc.assert(
      fc.property(fc.array(loads, { minLength: 2, maxLength: 20 }), (steps) => {
        let memory = noMemory;
        let asked = 0;
        steps.forEach((load, second) => {
          const result = decideScale(spec, { ...quiet, ...load, isComplete: true }, { memory, nowMs: second * 2000 });
          memory = result.memory;
          asked = result.decision.isPanicking ? asked : 0;
          expect(result.decision.podCount).toBeGreaterThanOrEqual(asked);
          asked = result.decision.isPanicking ? result.decision.podCount : 0;
        });
      }),
      { seed: 3, numRuns: 300 },
    );
  });
});
