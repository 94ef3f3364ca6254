import { expect, test } from "@jest/globals";
import type { KubeObject } from "@kelvin/api";
import { requeueAfter } from "@kelvin/controller";
import { busView, fakeBuses, served } from "../../test/fake-buses.ts";
import { decideRelease, finishRelease, holderOf, type Holding } from "./release.ts";

const object: KubeObject = {
  kind: "Broker",
  metadata: { namespace: "shop", name: "orders", deletionTimestamp: "2026-01-01T00:00:00Z" },
};
const holding: Holding = { object, bus: "nats", isRemoved: false, remains: "events" };
const after = (minutes: number): Date => new Date(Date.parse("2026-01-01T00:00:00Z") + minutes * 60_000);

test.each<[string, Partial<Holding>, number, string]>([
  ["goes at once when no bus has anything of it", { bus: undefined }, 0, "go"],
  ["goes once the bus has removed it", { isRemoved: true }, 1, "go"],
  ["waits for its bus", {}, 1, "wait"],
  ["waits no longer than five minutes", {}, 5, "give-up"],
  ["waits no longer than that by a clock that is behind", {}, -60, "wait"],
  ["does not wait when the time of its deletion is unknown", { object: { metadata: {} } }, 0, "give-up"],
])("an object that is being deleted %s", (...[, changes, minutes, want]) => {
  const release = decideRelease({ ...holding, ...changes }, after(minutes));
  expect(release.kind).toBe(want);
  if (release.kind === "wait") expect(release.forMs).toBeLessThanOrEqual(300_000);
});

test("whoever gives up says what may remain, and where", () => {
  const told: string[] = [];
  const recorder = {
    normal: () => undefined,
    warning: (_: KubeObject, reason: string, message: string) => void told.push(`${reason}: ${message}`),
  };
  expect(finishRelease(holding, { clock: { now: () => after(4) }, recorder })).toEqual(requeueAfter(60_000));
  expect(told).toEqual([]);
  expect(finishRelease(holding, { clock: { now: () => after(5) }, recorder })).toBeUndefined();
  expect(told).toEqual([
    'BusNotCleaned: Bus "nats" has not confirmed in 5 minutes that Broker "shop/orders" is removed; there may remain events',
  ]);
});

test.each<[string, string | undefined, Parameters<typeof fakeBuses>[0], string | undefined]>([
  ["the bus that its status names", "nats", { stub: busView({ a: served() }) }, "nats"],
  [
    "one that knows of it though no status says so",
    undefined,
    { nats: busView({}), stub: busView({ a: served() }) },
    "stub",
  ],
  ["none that does not know of it", undefined, { nats: busView({}) }, undefined],
  ["not the bus in memory when that is away", "stub", { nats: busView({}) }, undefined],
])("something of it is at %s", (...[, noted, views, want]) => {
  const status = noted === undefined ? {} : { annotations: { "kelvin.dev/bus": noted } };
  expect(holderOf({ metadata: { uid: "a" }, status }, "stream", fakeBuses(views).watch)).toBe(want);
});
