import { describe, expect, test } from "@jest/globals";
import { fakeClock } from "@kelvin/testkit";
import { openRevisionDirectory } from "../throttler/revision-directory.ts";
import { defaultThrottlerLimits } from "../throttler/revision-throttler.ts";
import { leaderAddress } from "./leader-address.ts";
import { makeReportBook } from "./report-book.ts";

function open() {
  const clock = fakeClock();
  const nowMs = (): number => clock.monotonicMs();
  const totals = { waiters: 0, heldBytes: 0 };
  const revisions = openRevisionDirectory({ nowMs, random: () => 0, limits: defaultThrottlerLimits, totals }, clock);
  const book = makeReportBook({ activator: "a", bootId: "b", nowMs, all: () => revisions.all() });
  const add = (name: string) => {
    revisions.apply({ metadata: { namespace: "ns", name }, spec: {} });
    const entry = revisions.ensure("ns", name);
    entry.throttler.setPod({ uid: `${name}-p`, name: `${name}-p`, upstream: { address: "10.0.0.1:80" } }, true);
    return entry.throttler;
  };
  return { clock, book, add };
}

describe("the report book", () => {
  test("names what is busy or has changed, and says once that it is over", async () => {
    const { clock, book, add } = open();
    const busy = add("busy");
    add("idle");
    expect(book.nextLine().revisions.map(({ revision, openPods }) => [revision, openPods])).toEqual([
      ["busy", ["busy-p"]],
      ["idle", ["idle-p"]],
    ]);
    expect(book.nextLine().revisions).toEqual([]);
    const pod = busy.tryTake();
    await clock.advance(500);
    expect(book.nextLine().revisions).toMatchObject([
      { revision: "busy", inFlight: 1, pods: { "busy-p": 1 }, concurrencyMs: 500 },
    ]);
    expect(book.nextLine().revisions.length).toBe(1);
    if (pod !== undefined) busy.giveBack(pod);
    expect(book.nextLine().revisions).toMatchObject([{ inFlight: 0, pods: {}, requestsEnded: 1 }]);
    expect(book.nextLine()).toMatchObject({ revisions: [], sequence: 6, bootId: "b", activator: "a" });
  });

  test("tells a new reader everything that ever was", () => {
    const { book, add } = open();
    add("known");
    book.nextLine();
    book.startOver();
    expect(book.nextLine().revisions.map(({ revision }) => revision)).toEqual(["known"]);
  });
});

test("leaderAddress reads the holder's name and address", () => {
  const of = (holderIdentity?: string) =>
    leaderAddress({ metadata: {}, spec: holderIdentity === undefined ? {} : { holderIdentity } });
  expect(of("autoscaler-1_10.0.0.7:8090")).toEqual({ host: "10.0.0.7", port: 8090 });
  expect(of("autoscaler-1_[fd00::7]:8090")).toEqual({ host: "fd00::7", port: 8090 });
  for (const bad of ["", "autoscaler-1", "autoscaler-1_", "a_10.0.0.7", "a_10.0.0.7:x", "a_:1", "10.0.0.7:80"]) {
    expect(of(bad)).toBeUndefined();
  }
  expect(of()).toBeUndefined();
  expect(leaderAddress(undefined)).toBeUndefined();
});
