import { expect, test } from "@jest/globals";
import { fakeClock } from "./fake-clock.ts";

test("timers fire in order of time, then of setting, and what they set in turn fires too", async () => {
  const clock = fakeClock();
  const fired: string[] = [];
  const note = (name: string) => () => void fired.push(`${name}@${clock.monotonicMs()}`);
  clock.setTimer(note("b"), 20);
  clock.setTimer(() => {
    note("a")();
    clock.setTimer(note("c"), 15);
  }, 10);
  clock.setTimer(note("b2"), 20);
  const cancel = clock.setTimer(note("never"), 5);
  cancel();
  await clock.advance(24);
  expect(fired).toEqual(["a@10", "b@20", "b2@20"]);
  await clock.advance(1);
  expect(fired.at(-1)).toBe("c@25");
  expect([clock.pendingTimers, clock.now().toISOString()]).toEqual([0, "2026-01-01T00:00:00.025Z"]);
});

test("sleep ends in time, or at once when aborted, and leaves no timer", async () => {
  const clock = fakeClock();
  const ended: string[] = [];
  const abort = new AbortController();
  const sleeps = [
    clock.sleep(10).then(() => ended.push("time")),
    clock.sleep(1000, abort.signal).then(() => ended.push("abort")),
    clock.sleep(1000, AbortSignal.abort()).then(() => ended.push("aborted before")),
  ];
  await clock.advance(10);
  abort.abort();
  await Promise.all(sleeps);
  expect(ended).toEqual(["aborted before", "time", "abort"]);
  expect(clock.pendingTimers).toBe(0);
});

test("a loop that sleeps runs as often as time allows", async () => {
  const clock = fakeClock();
  let ticks = 0;
  const abort = new AbortController();
  const loop = (async () => {
    while (!abort.signal.aborted) {
      ticks += 1;
      await clock.sleep(1000, abort.signal);
    }
  })();
  await clock.advance(60_500);
  expect(ticks).toBe(61);
  abort.abort();
  await loop;
});
