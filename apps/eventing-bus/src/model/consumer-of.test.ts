import { describe, expect, test } from "@jest/globals";
import { decodeEvent } from "@kelvin/cloudevents";
import type { Trigger } from "@kelvin/api/eventing/v1";
import type { Subscription } from "@kelvin/api/messaging/v1";
import { busName } from "./names.ts";
import { consumerOfSubscription, consumerOfTrigger, filterOf, type InheritedDelivery } from "./consumer-of.ts";

const metadata = { name: "t", namespace: "n", uid: "u", generation: 2 };
const trigger = (spec: Trigger["spec"] = {}, status: Trigger["status"] = {}): Trigger => ({
  metadata,
  spec,
  status: { observedGeneration: 2, subscriberUri: "http://s/", ...status },
});
const subscription = (
  spec: Subscription["spec"] = {},
  addresses: NonNullable<Subscription["status"]>["physicalSubscription"] = {},
): Subscription => ({
  metadata,
  spec,
  status: { observedGeneration: 2, physicalSubscription: { subscriberUri: "http://s/", ...addresses } },
});
const nothing: InheritedDelivery = { delivery: undefined, deadLetter: undefined };
const brokers: InheritedDelivery = { delivery: { retry: 7, format: "json" }, deadLetter: { url: "http://inherited/" } };
const consumer = (from: Trigger, inherited = nothing) =>
  consumerOfTrigger(from, inherited, { filter: filterOf(from), since: "5" });

describe("a Trigger", () => {
  test("with nothing said", () => {
    expect(consumer(trigger())).toMatchObject({
      id: busName({ kind: "Trigger", namespace: "n", name: "t" }),
      uid: "u",
      generation: 2,
      since: "5",
      types: undefined,
      subscriber: { url: "http://s/" },
      reply: { kind: "stream" },
      retryPolicy: { retry: 10, backoff: { policy: "exponential", delayMs: 200 } },
      format: undefined,
    });
  });

  test("whose status is of an older spec, or has no address, lets events wait", () => {
    expect(consumer(trigger({}, { observedGeneration: 1 })).subscriber).toBeUndefined();
    expect(consumer(trigger({}, { subscriberUri: "" })).subscriber).toBeUndefined();
  });

  test("certificates go with the address", () => {
    const { subscriber } = consumer(trigger({}, { subscriberUri: "https://s/", subscriberCACerts: "PEM" }));
    expect(subscriber).toEqual({ url: "https://s/", caCertificates: "PEM" });
  });

  test("has its Broker's delivery, unless it has one of its own", () => {
    expect(consumer(trigger(), brokers)).toMatchObject({
      retryPolicy: { retry: 7 },
      format: "structured",
      deadLetter: { url: "http://inherited/" },
    });
    expect(consumer(trigger({ delivery: { retry: 1 } }), brokers)).toMatchObject({
      retryPolicy: { retry: 1 },
      format: undefined,
      deadLetter: undefined,
    });
  });

  test("matches by its filters, and says by which types", () => {
    const event = (type: string) =>
      decodeEvent(["ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s", "ce-type", type], Buffer.alloc(0));
    const { types, matches } = consumer(trigger({ filter: { attributes: { type: "order" } } }));
    expect([types, matches?.(event("order")), matches?.(event("other"))]).toEqual([["order"], true, false]);
  });

  test("whose filters cannot be compiled matches nothing", () => {
    const broken = trigger({ filters: [{ exact: { "not a name": "x" } }] });
    expect(consumer(broken).types).toEqual([]);
  });
});

describe("a Subscription", () => {
  test("with nothing said ignores answers and takes everything", () => {
    expect(consumerOfSubscription(subscription(), nothing)).toMatchObject({
      id: busName({ kind: "Subscription", namespace: "n", name: "t" }),
      matches: undefined,
      subscriber: { url: "http://s/" },
      reply: { kind: "none" },
      deadLetter: undefined,
    });
  });

  test("sends answers on, and dead letters to its own sink", () => {
    const addresses = { replyUri: "http://r/", replyCACerts: "PEM", deadLetterSinkUri: "http://d/" };
    expect(consumerOfSubscription(subscription({}, addresses), brokers)).toMatchObject({
      reply: { kind: "to", destination: { url: "http://r/", caCertificates: "PEM" } },
      deadLetter: { url: "http://d/" },
      retryPolicy: { retry: 7 },
    });
  });

  test("with a delivery of its own has the channel's sink all the same", () => {
    expect(consumerOfSubscription(subscription({ delivery: { retry: 1 } }), brokers)).toMatchObject({
      retryPolicy: { retry: 1 },
      deadLetter: { url: "http://inherited/" },
    });
  });

  test("whose status is of an older spec lets events wait", () => {
    const stale: Subscription = { ...subscription(), metadata: { ...metadata, generation: 3 } };
    expect(consumerOfSubscription(stale, nothing).subscriber).toBeUndefined();
  });
});
