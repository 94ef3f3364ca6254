import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { expectCaught, expectNothingLost } from "./oracle/expectations.ts";
import { openRig, type Rig } from "./oracle/rig.ts";
import { IDS_A_RUN, runOracle } from "./oracle/run.ts";
import type { Sabotage } from "./oracle/sabotage.ts";
import { planStrikes, seeded, type Strike } from "./oracle/strikes.ts";
import { findBrokerProblem } from "./oracle/struck-broker.ts";
import { STREAMS, WINDOW } from "./oracle/world.ts";

const isLong = process.env["KELVIN_TEST_LONG"] === "1";
const SEED = 20;
const RATE_PER_SECOND = 60;
/** About 45 s of strikes and settling, or six minutes. */
const RANDOM_STRIKES = isLong ? 120 : 4;
/** What one strike may make come twice to one consumer: the window of its reader, and as much from the step logs. */
const DUPLICATES_A_STRIKE = 2 * WINDOW;
/** A second process comes to share the work, and is killed with some of it in hand. */
const REPLICA: Strike = { victim: "replica", transition: "delivering", count: 1 };
const problem = findBrokerProblem("nats");
const withServer = problem === undefined ? describe : describe.skip;

withServer(`no accepted event is lost on JetStream (${problem ?? "found"})`, () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await openRig("nats");
  }, 60_000);
  afterAll(() => rig.close());

  test(
    "whoever is killed, and whichever way is broken",
    async () => {
      const random = seeded(SEED);
      const planned = planStrikes(random, { isLong, randomCount: RANDOM_STRIKES });
      const strikes = planned.flatMap((strike, index) => (index % 12 === 5 ? [REPLICA, strike] : [strike]));
      const spec = { run: "all", firstId: IDS_A_RUN, ratePerSecond: RATE_PER_SECOND, strikes, random };
      const report = await runOracle(rig, spec);
      expectNothingLost(report);
      const duplicatesMax = strikes.length * DUPLICATES_A_STRIKE;
      expect(report.acceptedCount / STREAMS.length).toBeGreaterThan(duplicatesMax);
      for (const count of Object.values(report.duplicates)) expect(count).toBeLessThanOrEqual(duplicatesMax);
    },
    isLong ? 1_800_000 : 300_000,
  );

  let runs = 1;
  test.each<[Sabotage, readonly Strike[]]>([
    ["acknowledgeBeforeDeliver", [{ victim: "bus", transition: "delivering" }]],
    [
      "commitPastGap",
      [
        { victim: "bus", transition: "unsafe" },
        { victim: "bus", transition: "unsafe" },
      ],
    ],
    ["markBeforeSuccess", [{ victim: "bus", transition: "delivering" }]],
    ["parkNotAwaited", [{ victim: "bus", transition: "unsafe" }]],
    ["dropDeadLetters", []],
  ])(
    "an engine is caught that would lose some: %s",
    async (sabotage, strikes) => {
      runs += 1;
      const firstId = IDS_A_RUN * runs;
      const spec = { run: sabotage, firstId, ratePerSecond: RATE_PER_SECOND, strikes, sabotage, random: seeded(SEED) };
      expectCaught(await runOracle(rig, spec));
    },
    120_000,
  );
});
