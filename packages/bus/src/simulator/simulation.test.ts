import { describe, expect, test } from "@jest/globals";
import type { Bus, BusLog } from "../bus.ts";
import type { DeliveryPorts } from "../delivery/stream-delivery.ts";
import { simulate } from "./simulation.ts";
import type { SimulationSpec } from "./simulation.ts";

const SEEDS = process.env["KELVIN_TEST_LONG"] === "1" ? 10_000 : 1_000;
const SABOTAGE_SEEDS = 60;
const TIMEOUT_MS = 900_000;

describe.each(["shared", "each"] as const)("a stream that is read in the way: %s", (reading) => {
  test(
    "loses no accepted event, whoever dies and whatever gets lost",
    async () => {
      let events = 0;
      let kills = 0;
      const storedFor = new Set<string>();
      for (let seed = 1; seed <= SEEDS; seed += 1) {
        const report = await simulate({ seed, reading, isFaulty: true });
        expect({ seed, lost: report.lost, faults: report.faults }).toEqual({ seed, lost: [], faults: [] });
        events += report.accepted.length;
        kills += report.kills;
        for (const reason of report.storedFor) storedFor.add(reason);
      }
      // The simulation means nothing if nothing happens in it.
      expect(events).toBeGreaterThan(SEEDS * 5);
      expect(kills).toBeGreaterThan(SEEDS);
      const reasons = ["BacklogFull", "DeadLetterSinkFailed", "NotParked", "Rejected", "RetriesExhausted"];
      expect([...storedFor].sort()).toEqual([...reasons, "TooLargeToKeep"]);
    },
    TIMEOUT_MS,
  );

  test(
    "repeats nothing but what a subscriber took and did not answer in time",
    async () => {
      for (let seed = 1; seed <= 200; seed += 1) {
        const report = await simulate({
          seed,
          reading,
          isFaulty: false,
          manners: ["good", "down", "rejecting", "recovering"],
        });
        expect({ seed, lost: report.lost, repeated: report.repeated }).toEqual({ seed, lost: [], repeated: [] });
      }
    },
    TIMEOUT_MS,
  );

  test("the same seed plays the same life", async () => {
    const spec: SimulationSpec = { seed: 7, reading, isFaulty: true };
    expect(await simulate(spec)).toEqual(await simulate(spec));
  });

  test.each<[string, NonNullable<SimulationSpec["sabotage"]>]>([
    ["records are finished before they are delivered", (ports, bus) => ({ ports, bus: finishingEarly(bus) })],
    ["parking is not awaited", (ports, bus) => ({ ports, bus: parkingInSecret(bus) })],
    ["dead letters are dropped", (ports, bus) => ({ ports: droppingDeadLetters(ports), bus })],
  ])(
    "an engine is caught in which %s",
    async (_, sabotage) => {
      let lost = 0;
      for (let seed = 1; seed <= SABOTAGE_SEEDS && lost === 0; seed += 1) {
        lost += (await simulate({ seed, reading, isFaulty: true, sabotage })).lost.length;
      }
      expect(lost).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );
});

function withLog(bus: Bus, change: (log: BusLog) => BusLog): Bus {
  return {
    ...bus,
    trouble: undefined,
    openLog: async (spec) => change(await bus.openLog(spec)),
    findLog: async (spec) => {
      const log = await bus.findLog(spec);
      return log === undefined ? undefined : change(log);
    },
  };
}

function finishingEarly(bus: Bus): Bus {
  return withLog(bus, (log) => ({
    ...log,
    openReader: (spec) =>
      log.openReader({
        ...spec,
        onRecord(record) {
          record.finish().catch(() => undefined);
          spec.onRecord(record);
        },
      }),
  }));
}

function parkingInSecret(bus: Bus): Bus {
  return withLog(bus, (log) => ({
    ...log,
    append: async (record) => {
      const appended = log.append(record);
      if (log.id.includes(".step")) appended.catch(() => undefined);
      else await appended;
    },
  }));
}

function droppingDeadLetters(ports: DeliveryPorts): DeliveryPorts {
  return { ...ports, deadLetters: { ...ports.deadLetters, append: () => Promise.resolve() } };
}
