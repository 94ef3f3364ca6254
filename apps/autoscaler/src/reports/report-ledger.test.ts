import { expect, test } from "@jest/globals";
import type { ActivatorReport, RevisionReport } from "@kelvin/api/scaling";
import { openReportLedger } from "./report-ledger.ts";

function revision(change: Partial<RevisionReport> = {}): RevisionReport {
  return {
    namespace: "default",
    revision: "hello-00001",
    concurrencyMs: 0,
    requestsEnded: 0,
    inFlight: 0,
    queued: 0,
    pods: {},
    openPods: [],
    ...change,
  };
}

function line(second: number, revisions: RevisionReport[], change: Partial<ActivatorReport> = {}): ActivatorReport {
  return { activator: "a", bootId: "boot-1", sequence: second, monotonicMs: second * 1000, revisions, ...change };
}

const key = "default/hello-00001";

test("counters become load: two requests at a time, five ended a second", () => {
  let nowMs = 0;
  const ledger = openReportLedger(() => nowMs);
  for (let second = 0; second < 30; second += 1) {
    nowMs = second * 1000 + 500;
    ledger.record(line(second, [revision({ concurrencyMs: second * 2000, requestsEnded: second * 5, inFlight: 2 })]));
  }
  expect(ledger.load(key).averageConcurrency(20_000)).toBeCloseTo(2, 1);
  expect(ledger.load(key).averageRps(20_000)).toBeCloseTo(5, 1);
});

test("doubled, late and lost lines change nothing", () => {
  let nowMs = 0;
  const ledger = openReportLedger(() => nowMs);
  for (let second = 0; second < 30; second += 1) {
    nowMs = second * 1000 + 500;
    if (second % 3 === 1) continue;
    const report = line(second, [revision({ concurrencyMs: second * 2000, inFlight: 2 })]);
    ledger.record(report);
    ledger.record(report);
    ledger.record(line(second - 2, [revision({ concurrencyMs: 0, inFlight: 9 })]));
  }
  expect(ledger.load(key).averageConcurrency(20_000)).toBeCloseTo(2, 0);
  expect(ledger.load(key).inFlight).toBe(2);
});

test("a revision that a line leaves out is idle at that activator", () => {
  const ledger = openReportLedger(() => 1000);
  ledger.record(line(1, [revision({ inFlight: 3, queued: 1, pods: { p: 3 } })]));
  ledger.record(line(2, []));
  expect(ledger.load(key)).toMatchObject({ inFlight: 0, queued: 0, pods: new Map() });
});

test("a restarted activator begins again at zero without harm", () => {
  const ledger = openReportLedger(() => 1000);
  ledger.record(line(50, [revision({ concurrencyMs: 90_000, inFlight: 2 })]));
  ledger.record(line(1, [revision({ concurrencyMs: 100, inFlight: 1 })], { bootId: "boot-2" }));
  expect(ledger.load(key).inFlight).toBe(1);
});

test("a pod is open when every activator that reports the revision sends to it", () => {
  const ledger = openReportLedger(() => 1000);
  ledger.record(line(1, [revision({ openPods: ["p", "q"] })]));
  ledger.record(line(1, [revision({ openPods: ["q"] })], { activator: "b" }));
  expect([...ledger.load(key).openPods]).toEqual(["q"]);
  ledger.forget("b");
  expect([...ledger.load(key).openPods]).toEqual(["p", "q"]);
});

test("an activator is silent after three missed lines, even with its stream open", () => {
  let nowMs = 0;
  const ledger = openReportLedger(() => nowMs);
  ledger.record(line(1, []));
  expect(ledger.isStreaming("a")).toBe(true);
  nowMs = 4000;
  expect(ledger.isStreaming("a")).toBe(false);
});

test("lines with something queued wake their revisions", () => {
  const ledger = openReportLedger(() => 0);
  expect(ledger.record(line(1, [revision({ queued: 1 })]))).toEqual([key]);
  expect(ledger.record(line(2, [revision({ inFlight: 1 })]))).toEqual([]);
});
