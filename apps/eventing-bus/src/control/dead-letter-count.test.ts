import { expect, test } from "@jest/globals";
import { fakeClock } from "@kelvin/testkit";
import { makeDeadLetterCounts, type CountedStatus } from "./dead-letter-count.ts";

test("the count is in the status, and written at most once in five seconds", async () => {
  const clock = fakeClock();
  const counts = makeDeadLetterCounts(clock);
  const status: CountedStatus = { annotations: { other: "kept" } };
  const see = (count: number): [number | undefined, string | undefined] => {
    const waitMs = counts.refresh(status, { uid: "a", count });
    return [waitMs, status.annotations?.["kelvin.dev/dead-letters"]];
  };
  expect(see(0)).toEqual([undefined, undefined]);
  expect(see(1)).toEqual([undefined, "1"]);
  await clock.advance(1_000);
  expect(see(1)).toEqual([undefined, "1"]);
  expect(see(7)).toEqual([4_000, "1"]);
  expect(counts.refresh({}, { uid: "b", count: 3 })).toBeUndefined();
  await clock.advance(4_000);
  expect(see(7)).toEqual([undefined, "7"]);
  await clock.advance(5_000);
  expect(see(0)).toEqual([undefined, undefined]);
  expect(status).toEqual({ annotations: { other: "kept" } });
});

test("a status without annotations stays without; what is gone is forgotten", async () => {
  const counts = makeDeadLetterCounts(fakeClock());
  const status: CountedStatus = {};
  counts.refresh(status, { uid: "a", count: 2 });
  counts.forget("a");
  expect(counts.refresh(status, { uid: "a", count: 0 })).toBeUndefined();
  expect(status).toEqual({});
});
