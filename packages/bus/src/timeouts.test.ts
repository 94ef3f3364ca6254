import { expect, test } from "@jest/globals";
import { makeVirtualTime } from "./simulator/virtual-time.ts";
import { makeTimeouts } from "./timeouts.ts";

test("each calls back when it is due, those that were cancelled do not, and few timers serve them", async () => {
  const time = makeVirtualTime();
  let timers = 0;
  const timeouts = makeTimeouts({
    nowMs: () => time.nowMs(),
    setTimer(callback, delayMs) {
      timers += 1;
      return time.setTimer(callback, delayMs);
    },
  });
  const heard: string[] = [];
  const note = (name: string) => () => heard.push(`${name}@${time.nowMs()}`);
  time.setTimer(() => timeouts.start(100, note("late")), 50);
  const cancelled = timeouts.start(100, note("cancelled"));
  timeouts.start(100, note("early"));
  timeouts.start(10, note("short"));
  for (let count = 0; count < 1_000; count += 1) timeouts.cancel(timeouts.start(100, note("none")));
  timeouts.cancel(cancelled);
  timeouts.cancel(cancelled);
  await time.runUntil(1_000);
  expect(heard).toEqual(["short@10", "early@100", "late@150"]);
  expect(timers).toBe(3);
  timeouts.start(100, note("again"));
  await time.runUntil(2_000);
  expect(heard.at(-1)).toBe("again@1100");
});
