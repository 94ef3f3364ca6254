import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { describeReport, expectCaught, expectNothingLost } from "./oracle/expectations.ts";
import { openRig, type Rig } from "./oracle/rig.ts";
import { IDS_A_RUN, runOracle } from "./oracle/run.ts";
import type { Sabotage } from "./oracle/sabotage.ts";
import { planStrikes, seeded, type Strike } from "./oracle/strikes.ts";
import { findBrokerProblem } from "./oracle/struck-broker.ts";
import { STREAMS } from "./oracle/world.ts";

const isLong = process.env["KELVIN_TEST_LONG"] === "1";
const SEED = 11;
const RATE_PER_SECOND = 60;
const RANDOM_STRIKES = 16;
const replicas = (count: number): Strike => ({ victim: "replica", transition: "delivering", count });
// The emulator tells late who is gone, and what was with them comes back later still: minutes, on a busy machine.
const problem = isLong ? findBrokerProblem("gcppubsub") : "in test:long alone: it takes minutes";
const withEmulator = problem === undefined ? describe : describe.skip;

withEmulator(`no accepted event is lost on Pub/Sub (${problem ?? "found"})`, () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await openRig("gcppubsub");
  }, 180_000);
  afterAll(() => rig.close());

  test("whoever is killed, whichever way is broken, and whoever comes to share the work", async () => {
    const random = seeded(SEED);
    const spec = { run: "all", firstId: IDS_A_RUN, ratePerSecond: RATE_PER_SECOND, strikes: planAll(random), random };
    const report = await runOracle(rig, spec);
    process.stderr.write(`on Pub/Sub: ${describeReport(report)}\n`);
    expectNothingLost(report);
    for (const count of Object.values(report.duplicates))
      expect(count).toBeLessThan(report.acceptedCount / STREAMS.length);
  }, 1_800_000);

  test.each<[Sabotage, readonly Strike[]]>([
    ["acknowledgeBeforeDeliver", [{ victim: "bus", transition: "delivering" }]],
    ["dropDeadLetters", []],
  ])(
    "an engine is caught that would lose some: %s",
    async (sabotage, strikes) => {
      const firstId = IDS_A_RUN * (2 + strikes.length);
      const spec = { run: sabotage, firstId, ratePerSecond: RATE_PER_SECOND, strikes, sabotage, random: seeded(SEED) };
      expectCaught(await runOracle(rig, spec));
    },
    300_000,
  );
});

/**
 * Every strike there is but those of the broker itself, which keeps nothing over its end, some at random, and processes that come
 * to share the work.
 */
function planAll(random: () => number): readonly Strike[] {
  return planStrikes(random, { isLong: true, randomCount: RANDOM_STRIKES })
    .filter(({ victim }) => victim !== "broker")
    .flatMap((strike, index) => (index % 6 === 1 ? [replicas(1), strike] : [strike]));
}
