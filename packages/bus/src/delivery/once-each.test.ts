import { expect, test } from "@jest/globals";
import { makeVirtualTime } from "../simulator/virtual-time.ts";
import { makeTimeouts } from "../timeouts.ts";
import { makeOnceEach } from "./once-each.ts";

test("what was done under an id is not done again for a while; what failed or was given up is", async () => {
  const time = makeVirtualTime();
  const once = makeOnceEach(makeTimeouts(time), 1_000);
  let runs = 0;
  const ending = (isDone: boolean) => () => {
    runs += 1;
    return Promise.resolve(isDone);
  };
  expect(await Promise.all([once.run("a", ending(true)), once.run("a", ending(true))])).toEqual([true, true]);
  expect(await once.run("a", ending(true))).toBe(true);
  expect(runs).toBe(1);
  await time.runUntil(1_001);
  await once.run("a", ending(true));
  expect(runs).toBe(2);
  expect([await once.run("b", ending(false)), await once.run("b", ending(true))]).toEqual([false, true]);
  await expect(once.run("c", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await once.run("c", ending(true))).toBe(true);
  expect(runs).toBe(5);
});
