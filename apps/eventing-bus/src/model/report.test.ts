import { expect, test } from "@jest/globals";
import { parseReport, type BusReport } from "./report.ts";

const report: BusReport = {
  bus: "stub",
  replica: "stub-clusterbus-dispatcher-1",
  version: "b-1",
  synced: true,
  trouble: { sinceMs: 5, reason: "lost the server" },
  streams: { s: { generation: 3, state: "serving", message: "" } },
  consumers: { c: { generation: 2, state: "failed", message: "no", since: null, deadLetters: 1, backlog: 2 } },
};

test("a report is read as it was written", () => {
  expect(parseReport(JSON.stringify(report))).toEqual(report);
});

test.each<[object, string]>([
  [{ synced: "yes" }, "synced: must be true or false"],
  [{ trouble: {} }, "trouble.sinceMs: must be a whole number"],
  [{ streams: [] }, "streams: must be an object"],
  [
    { streams: { s: { ...report.streams["s"], state: "gone" } } },
    "streams.s.state: must be serving, failed or removed",
  ],
  [{ streams: { s: { ...report.streams["s"], generation: -1 } } }, "streams.s.generation: must be a whole number"],
  [{ consumers: { c: { ...report.consumers["c"], since: 3 } } }, "consumers.c.since: must be a text"],
])("%j is refused", (changes, problem) => {
  expect(() => parseReport(JSON.stringify({ ...report, ...changes }))).toThrow(problem);
});
