import { expect, test } from "@jest/globals";
import { fakeClock } from "@kelvin/testkit";
import { openHeartbeat } from "./heartbeat.ts";

/** An API server that answers, refuses or says nothing. */
function open() {
  const clock = fakeClock();
  const world = { server: "answers" as "answers" | "refuses" | "hangs" };
  const ask = (signal: AbortSignal): Promise<void> => {
    if (world.server === "answers") return Promise.resolve();
    if (world.server === "refuses") return Promise.reject(new Error("refused"));
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
  };
  const heartbeat = openHeartbeat({ ask, clock });
  const told: boolean[] = [];
  heartbeat.onChange((isFresh) => told.push(isFresh));
  return { clock, world, heartbeat, told };
}

test.each(["refuses", "hangs"] as const)(
  "a server that %s makes it stale after 10 s, and fresh when it answers",
  async (how) => {
    const { clock, world, heartbeat, told } = open();
    await clock.advance(60_000);
    expect([heartbeat.isFresh, told]).toEqual([true, []]);
    world.server = how;
    await clock.advance(7_900);
    expect(heartbeat.isFresh).toBe(true);
    await clock.advance(2_200);
    expect([heartbeat.isFresh, told]).toEqual([false, [false]]);
    world.server = "answers";
    await clock.advance(8_000);
    expect([heartbeat.isFresh, told]).toEqual([true, [false, true]]);
    await heartbeat.close();
    expect(clock.pendingTimers).toBe(0);
  },
);

test("a server that is away now and then changes nothing", async () => {
  const { clock, world, heartbeat, told } = open();
  for (let round = 0; round < 10; round += 1) {
    world.server = "refuses";
    await clock.advance(5_000);
    world.server = "answers";
    await clock.advance(3_000);
  }
  expect([heartbeat.isFresh, told]).toEqual([true, []]);
  await heartbeat.close();
});
