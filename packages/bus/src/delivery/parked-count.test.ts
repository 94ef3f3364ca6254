import { expect, test } from "@jest/globals";
import { makeParkedCount } from "./parked-count.ts";

test("what another process worked off is forgotten in time, and what was worked off here at once", () => {
  let nowMs = 0;
  const parked = makeParkedCount({ nowMs: () => nowMs, setTimer: () => () => undefined });
  parked.add("here", { bytes: 10, goneMs: 100 });
  parked.add("elsewhere", { bytes: 20, goneMs: 100 });
  parked.add("later", { bytes: 40, goneMs: 200 });
  parked.add("later", { bytes: 40, goneMs: 200 });
  expect([parked.records, parked.bytes]).toEqual([3, 70]);
  parked.remove("here");
  parked.remove("here");
  expect([parked.records, parked.bytes]).toEqual([2, 60]);
  parked.forgetGone();
  expect(parked.records).toBe(2);
  nowMs = 100;
  parked.forgetGone();
  expect([parked.records, parked.bytes]).toEqual([1, 40]);
});
