import { expect } from "@jest/globals";
import type { RunReport } from "./run.ts";

// What a run must show, whichever broker it was on.

/** Nothing is lost, gone astray, made up or still waiting; every strike was seen, and most of what was offered was accepted. */
export function expectNothingLost(report: RunReport): void {
  const { outsideOutages } = report;
  expect(report).toMatchObject({ lost: [], astray: [], invented: [], unseen: [], stillWaiting: 0 });
  expect(outsideOutages.acceptedRatio).toBeGreaterThanOrEqual(0.9);
  // The oracle means nothing if hardly anything was accepted, or everything lay in outages.
  expect(outsideOutages.offeredCount).toBeGreaterThan(report.offeredCount / 10);
}

/** Every strike was seen, all came to rest, and the oracle has found losses. */
export function expectCaught({ lost, unseen, stillWaiting }: RunReport): void {
  expect({ unseen, stillWaiting }).toEqual({ unseen: [], stillWaiting: 0 });
  expect(lost.length).toBeGreaterThan(0);
}

/** For people. */
export function describeReport(report: RunReport): string {
  const { offeredCount, acceptedCount, lost, seen, unseen, duplicates, outsideOutages } = report;
  const ratio = (outsideOutages.acceptedRatio * 100).toFixed(1);
  return (
    `offered ${offeredCount}, accepted ${acceptedCount} (${ratio} % outside outages), lost ${lost.length}, ` +
    `strikes ${seen.length} of ${seen.length + unseen.length}, duplicates ${JSON.stringify(duplicates)}`
  );
}
