import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { expectCaught, expectNothingLost } from "./oracle/expectations.ts";
import { openRig, type Rig } from "./oracle/rig.ts";
import { IDS_A_RUN, runOracle } from "./oracle/run.ts";
import type { Sabotage } from "./oracle/sabotage.ts";
import { planStrikes, seeded, type Strike } from "./oracle/strikes.ts";
import { findBrokerProblem } from "./oracle/struck-broker.ts";
import { STREAMS } from "./oracle/world.ts";

const isLong = process.env["KELVIN_TEST_LONG"] === "1";
const SEED = 9;
const RATE_PER_SECOND = 60;
const RANDOM_STRIKES = 8;
/** A process that dies is noticed by its silence, and one that comes moves partitions: what is in hand comes twice. */
const REPLICA: Strike = { victim: "replica", transition: "delivering" };
const problem = isLong ? findBrokerProblem("kafka") : "in test:long alone: a broker takes its time to start";
const withServer = problem === undefined ? describe : describe.skip;

withServer(`no accepted event is lost on Kafka (${problem ?? "found"})`, () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await openRig("kafka");
  }, 180_000);
  afterAll(() => rig.close());

  test("whoever is killed, whichever way is broken, and whoever comes to share the work", async () => {
    const random = seeded(SEED);
    const planned = planStrikes(random, { isLong: false, randomCount: RANDOM_STRIKES });
    const strikes = planned.flatMap((strike, index) => (index % 4 === 1 ? [REPLICA, strike] : [strike]));
    const spec = { run: "all", firstId: IDS_A_RUN, ratePerSecond: RATE_PER_SECOND, strikes, random };
    const report = await runOracle(rig, spec);
    expectNothingLost(report);
    for (const count of Object.values(report.duplicates))
      expect(count).toBeLessThan(report.acceptedCount / STREAMS.length);
  }, 1_800_000);

  let runs = 1;
  test.each<[Sabotage, readonly Strike[]]>([
    ["acknowledgeBeforeDeliver", [{ victim: "bus", transition: "delivering" }]],
    ["dropDeadLetters", []],
  ])(
    "an engine is caught that would lose some: %s",
    async (sabotage, strikes) => {
      runs += 1;
      const firstId = IDS_A_RUN * runs;
      const spec = { run: sabotage, firstId, ratePerSecond: RATE_PER_SECOND, strikes, sabotage, random: seeded(SEED) };
      expectCaught(await runOracle(rig, spec));
    },
    240_000,
  );
});
