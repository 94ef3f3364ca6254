import { describe, expect, test } from "@jest/globals";
import type { Subscription } from "@kelvin/api/channels/v1alpha1/kinds";
import { consumerOfBusSubscription } from "./bus-consumer-of.ts";

const subscription = (spec: Subscription["spec"] = {}, status: Subscription["status"] = {}): Subscription => ({
  metadata: { name: "s", namespace: "n", uid: "u", generation: 2 },
  spec: { channel: "c", subscriber: "whoever", ...spec },
  status: { observedGeneration: 2, subscriberUri: "http://s/", ...status },
});
const consumer = (from: Subscription) => consumerOfBusSubscription(from, { id: "n.s", from: "end" });
const to = { kind: "anyTo", destination: { url: "http://r/" } };

describe("a Subscription of the founding kind", () => {
  test("takes everything, from where it says, with ten tries and no dead-letter sink", () => {
    expect(consumerOfBusSubscription(subscription(), { id: "n.s", from: "beginning" })).toMatchObject({
      id: "n.s",
      uid: "u",
      generation: 2,
      from: "beginning",
      matches: undefined,
      format: undefined,
      subscriber: { url: "http://s/" },
      reply: { kind: "none" },
      deadLetter: undefined,
      retryPolicy: { retry: 10, backoff: { policy: "exponential", delayMs: 200 } },
      limits: { inFlight: 100 },
    });
  });

  test("has limits by annotations, as a modern one", () => {
    const one = subscription();
    one.metadata.annotations = { "kelvin.dev/max-in-flight": "3" };
    expect(consumer(one).limits.inFlight).toBe(3);
  });

  test("sends answers where replyTo came to", () => {
    const one = subscription({ replyTo: "r" }, { replyUri: "http://r/" });
    expect(consumer(one)).toMatchObject({ subscriber: { url: "http://s/" }, reply: to });
  });

  test("without a subscriber has the events themselves sent there", () => {
    const { subscriberUri: _, ...status } = { ...subscription().status, replyUri: "http://r/" };
    const one = { ...subscription({ subscriber: "", replyTo: "r" }), status };
    expect(consumer(one)).toMatchObject({ subscriber: { url: "http://r/" }, reply: { kind: "none" } });
  });

  test("whose subscriber has no address has its events wait, though there is a replyTo", () => {
    const one = subscription({ replyTo: "r" }, { subscriberUri: "", replyUri: "http://r/" });
    expect(consumer(one)).toMatchObject({ subscriber: undefined, reply: to });
  });

  test("whose status is of an older spec has its events wait", () => {
    const one = subscription({ replyTo: "r" }, { observedGeneration: 1, replyUri: "http://r/" });
    expect(consumer(one)).toMatchObject({ subscriber: undefined, reply: { kind: "none" } });
  });
});
