import { describe, expect, test } from "@jest/globals";
import type { Trigger } from "@kelvin/api/eventing/v1";
import { makeBrokerNames } from "../model/broker-names.ts";
import { plainChannel, type SubscriptionArguments, type Understood } from "../model/bus-arguments.ts";
import { writeSince } from "../model/since.ts";
import { busSubscription, subscription, trigger, type TriggerOptions } from "../../test/bus-world.ts";
import type { WantedStream } from "./cluster-view.ts";
import { beginAt, isWithoutSince, nextEditions, type Edition, type Editions } from "./editions.ts";

const stream = { uid: "uid-orders", life: "0" };
const names = makeBrokerNames("stub", "stub");
const inherited = { delivery: undefined, deadLetter: undefined };
const wanted = (triggers: readonly Trigger[]): WantedStream => ({
  uid: "uid-orders",
  generation: 1,
  deletedAtMs: undefined,
  inherited,
  isSettled: true,
  triggers,
  subscriptions: [],
  busSubscriptions: [],
  arguments: { ok: true, value: plainChannel },
});
const next = (one: Trigger, before: Editions = new Map()): Edition | undefined =>
  nextEditions(wanted([one]), { before, inherited, stream, names }).get("uid-t");
const at = (generation: number, observedGeneration: number | undefined, more: TriggerOptions = {}): Trigger => {
  const made = trigger("t", "http://s/", { ...more, metadata: { generation, ...more.metadata } });
  const { observedGeneration: _, ...status } = made.status ?? {};
  return { ...made, status: { ...status, ...(observedGeneration === undefined ? {} : { observedGeneration }) } };
};
const served = (one: Trigger): Editions => new Map([["uid-t", next(one) as Edition]]);

describe("a Trigger", () => {
  test("is served when its status speaks of its spec", () => {
    expect(next(at(1, 1))).toMatchObject({
      isHeld: false,
      consumer: { generation: 1, subscriber: { url: "http://s/" } },
    });
  });

  test("that nobody has looked at yet is not served", () => {
    expect(next(at(1, undefined))).toBeUndefined();
  });

  test("with a newer spec is served as it was", () => {
    const before = served(at(1, 1));
    expect(next(at(2, 1), before)).toMatchObject({ isHeld: false, consumer: { generation: 1 } });
  });

  test("with a newer spec, after a restart, has its events wait", () => {
    const held = next(at(2, 1));
    expect(held).toMatchObject({ isHeld: true, consumer: { generation: 2, subscriber: undefined } });
    const before = new Map([["uid-t", held as Edition]]);
    expect(next(at(3, 1), before)).toMatchObject({ isHeld: true, consumer: { generation: 3 } });
    expect(next(at(3, 3), before)).toMatchObject({ isHeld: false, consumer: { subscriber: { url: "http://s/" } } });
  });

  test("that did not change is the same edition, with a new inheritance it is another", () => {
    const one = at(1, 1, { metadata: { resourceVersion: "5" } });
    const before = served(one);
    expect(next(one, before)).toBe(before.get("uid-t"));
    expect(next(at(1, 1, { metadata: { resourceVersion: "6" } }), before)).not.toBe(before.get("uid-t"));
    const other = { before, inherited: { ...inherited, delivery: { retry: 3 } }, stream, names };
    expect(nextEditions(wanted([one]), other).get("uid-t")?.consumer.retryPolicy.retry).toBe(3);
  });

  test("that is being deleted is not served", () => {
    expect(
      next(at(1, 1, { metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" } }), served(at(1, 1))),
    ).toBeUndefined();
  });

  test("has its filters compiled once for a generation", () => {
    const before = served(at(1, 1));
    expect(next(at(1, 1), before)?.filter).toBe(before.get("uid-t")?.filter);
    expect(next(at(2, 2), before)?.filter).not.toBe(before.get("uid-t")?.filter);
  });
});

describe("where a Trigger begins", () => {
  const written = (since: string): TriggerOptions => ({ status: { annotations: { "kelvin.dev/since": since } } });

  test("the first time, at the ends of the stream", () => {
    const first = new Map([["uid-t", next(at(1, 1)) as Edition]]);
    expect([...first.values()].map(isWithoutSince)).toEqual([true]);
    const begun = beginAt("7", first, stream).get("uid-t");
    expect(begun).toMatchObject({ since: writeSince(stream, "7"), consumer: { since: "7" } });
    expect(next(at(2, 2), new Map([["uid-t", begun as Edition]]))).toMatchObject({ consumer: { since: "7" } });
  });

  test("then, where its status says", () => {
    const one = next(at(1, 1, written(writeSince(stream, "5"))));
    expect(one).toMatchObject({ since: writeSince(stream, "5"), consumer: { since: "5" } });
    expect(isWithoutSince(one as Edition)).toBe(false);
  });

  test("what another stream's status says means that all of this one is for it", () => {
    const other = writeSince({ ...stream, life: "before" }, "5");
    expect(next(at(1, 1, written(other)))).toMatchObject({ since: other, consumer: { since: undefined } });
  });
});

test("a Subscription needs no beginning, and is held as a Trigger is", () => {
  const of = (generation: number): WantedStream => {
    const one = {
      ...subscription("s", "http://s/"),
      metadata: { uid: "uid-s", name: "s", namespace: "shop", generation },
    };
    return { ...wanted([]), subscriptions: [{ subscription: one, inherited }] };
  };
  const context = { before: new Map<string, Edition>(), inherited, stream, names };
  const current = nextEditions(of(1), context).get("uid-s");
  expect([current?.isHeld, isWithoutSince(current as Edition)]).toEqual([false, false]);
  expect(nextEditions(of(2), context).get("uid-s")).toMatchObject({
    isHeld: true,
    consumer: { subscriber: undefined },
  });
});

describe("a Subscription of the founding kind", () => {
  const of = (said: Understood<SubscriptionArguments>, generation = 1): WantedStream => {
    const one = busSubscription("s", "http://s/", { metadata: { generation }, status: { observedGeneration: 1 } });
    return { ...wanted([]), busSubscriptions: [{ subscription: one, arguments: said }] };
  };
  const good = { ok: true, value: { from: "beginning" } } as const;
  const bad = { ok: false, problem: "no" } as const;
  const edition = (wantedNow: WantedStream, before: Editions = new Map()): Edition | undefined =>
    nextEditions(wantedNow, { before, inherited, stream, names }).get("uid-s");
  const after = (one: Edition | undefined): Editions => new Map([["uid-s", one as Edition]]);

  test("is served as it says, and held as a Trigger is", () => {
    expect(edition(of(good))).toMatchObject({
      isHeld: false,
      consumer: { from: "beginning", subscriber: { url: "http://s/" } },
    });
    expect(edition(of(good, 2))).toMatchObject({ isHeld: true, consumer: { subscriber: undefined } });
    const served = edition(of(good));
    expect(edition(of(good, 2), after(served))).toBe(served);
  });

  test("that says what makes no sense is served as it was", () => {
    const served = edition(of(good));
    expect(edition(of(bad), after(served))).toBe(served);
  });

  test("that nobody knows how to serve is suspended, and what waits for it waits on; then it is served", () => {
    const suspended = edition(of(bad));
    expect(suspended).toMatchObject({ isHeld: true, consumer: { isSuspended: true, subscriber: undefined } });
    expect(edition(of(bad), after(suspended))).toBe(suspended);
    const served = edition(of(good), after(suspended));
    expect(served).toMatchObject({ isHeld: false, consumer: { from: "beginning" } });
    expect(served?.consumer.isSuspended).toBeUndefined();
  });
});
