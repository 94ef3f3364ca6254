import { describe, expect, test } from "@jest/globals";
import { fakeClock } from "@kelvin/testkit";
import { openWorkQueue } from "./work-queue.ts";

describe("work queue", () => {
  test("a key waits once, in order of arrival", async () => {
    const queue = openWorkQueue({ clock: fakeClock() });
    for (const key of ["a", "b", "a", "c", "b"]) queue.add(key);
    expect(queue.depth).toBe(3);
    const keys = [await queue.next(), await queue.next(), await queue.next()].map((queued) => queued?.key);
    expect(keys).toEqual(["a", "b", "c"]);
  });

  test("a key that is worked on is not given out; what came meanwhile is, once, afterwards", async () => {
    const queue = openWorkQueue({ clock: fakeClock() });
    queue.add("a");
    await queue.next();
    queue.add("a");
    queue.add("a");
    expect(queue.depth).toBe(0);
    queue.done("a");
    expect(queue.depth).toBe(1);
    expect((await queue.next())?.key).toBe("a");
    queue.done("a");
    expect(queue.depth).toBe(0);
  });

  test("a waiting taker gets the key when it comes, and undefined at the end", async () => {
    const queue = openWorkQueue({ clock: fakeClock() });
    const [first, second] = [queue.next(), queue.next()];
    queue.add("a");
    expect((await first)?.key).toBe("a");
    queue.close();
    expect(await second).toBeUndefined();
    queue.add("b");
    expect(await queue.next()).toBeUndefined();
  });

  test("the soonest of several delays counts", async () => {
    const clock = fakeClock();
    const queue = openWorkQueue({ clock });
    queue.addAfter("a", 1000);
    queue.addAfter("a", 100);
    queue.addAfter("a", 500);
    await clock.advance(99);
    expect(queue.depth).toBe(0);
    await clock.advance(1);
    expect(queue.depth).toBe(1);
    await clock.advance(1000);
    expect(queue.depth).toBe(1);
    expect(clock.pendingTimers).toBe(0);
  });

  test("failures back off from 5 ms, doubling to the cap, until forgotten", () => {
    const queue = openWorkQueue({ clock: fakeClock() });
    const delays = Array.from({ length: 16 }, () => queue.addAfterFailure("a"));
    expect(delays.slice(0, 4)).toEqual([5, 10, 20, 40]);
    expect(delays.slice(-2)).toEqual([60_000, 60_000]);
    queue.forget("a");
    expect(queue.addAfterFailure("a")).toBe(5);
    queue.close();
  });

  test("keys over the limit are turned away, and asked for again once there is room", async () => {
    const overflows: number[] = [];
    const queue = openWorkQueue({ clock: fakeClock(), depthMax: 2, onOverflow: () => overflows.push(queue.depth) });
    for (const key of ["a", "b", "c"]) queue.add(key);
    expect(queue.depth).toBe(2);
    await queue.next();
    await queue.next();
    expect(overflows).toEqual([]);
    const waiting = queue.next();
    expect(overflows).toEqual([0]);
    queue.close();
    await waiting;
  });

  test("leaves no timers when closed", () => {
    const clock = fakeClock();
    const queue = openWorkQueue({ clock });
    queue.addAfter("a", 10);
    queue.addAfterFailure("b");
    queue.close();
    expect(clock.pendingTimers).toBe(0);
  });
});
