import { describe, expect, test } from "@jest/globals";
import { Channel, InMemoryChannel, Subscription } from "@kelvin/api/messaging/v1";
import { requeueAfter } from "@kelvin/controller";
import {
  coreService,
  deleting,
  describeReconcile,
  fakeClock,
  ownedBy,
  withAnnotations,
  withConditions,
  withGeneration,
  withSpec,
  withStatus,
  type ReconcileRow,
} from "@kelvin/testkit";
import { busView, fakeBuses, served } from "../../../test/fake-buses.ts";
import { channel, inMemoryChannel, ofChannelKind, onNats, subscription } from "../../../test/messaging-builders.ts";
import { lookupIn } from "../../../test/world-lookup.ts";
import type { BusView } from "../bus-watch/bus-watch.ts";
import { makeDeadLetterCounts } from "../dead-letter-count.ts";
import { makeDepartures } from "../departures.ts";
import { finalizeSubscription, reconcileSubscription, type SubscriptionDeps } from "./reconcile.ts";

const key = "default/audit";
const uid = "uid-subscription-audit";
const orders = channel("orders");
const backing = inMemoryChannel("orders", ownedBy(orders));
const channels = [orders, backing];
const stub = (changes: Parameters<typeof served>[0] = {}) => ({ stub: busView({ [uid]: served(changes) }) });
const nats = (changes: Parameters<typeof served>[0] = {}) => ({ nats: busView({ [uid]: served(changes) }) });
const serviceRef = (name: string) => ({ ref: { apiVersion: "v1", kind: "Service", namespace: "default", name } });
const sinkUri = "http://sink.example/";

const identity = { OIDCIdentityCreated: "True/authentication-oidc feature disabled" };
const allReady = {
  ...identity,
  AddedToChannel: "True",
  ChannelReady: "True",
  ReferencesResolved: "True",
  Ready: "True",
};
const unknownToBus = "Unknown/SubscriptionNotMarkedReadyByChannel";
const notResolved = (reason: string) => ({
  ...allReady,
  ReferencesResolved: `False/${reason}`,
  Ready: `False/${reason}`,
});
const noChannel = {
  ...identity,
  AddedToChannel: "Unknown",
  ChannelReady: unknownToBus,
  ReferencesResolved: "False/ChannelReferenceFailed",
  Ready: "False/ChannelReferenceFailed",
};
const synced = 'Normal SubscriberSync: Subscription was synchronized to channel "orders"';
const became = [synced, 'Normal SubscriptionReadinessChanged: Subscription "audit" became ready'];
const noChannelEvent = (problem: string) =>
  `Warning ChannelReferenceFailed: Failed to get Spec.Channel or backing channel: ${problem}`;
const physical = (fields: object): object => ({ physicalSubscription: fields });

type Row = ReconcileRow & { readonly buses?: Readonly<Record<string, BusView>> };

const ofChannels: Row[] = [
  {
    name: "of a Channel is ready when every replica of its bus delivers to it",
    world: [...channels, subscription("audit")],
    buses: stub(),
    key,
    wantStatus: allReady,
    wantStatusFields: {
      observedGeneration: 1,
      ...physical({ subscriberUri: sinkUri }),
      annotations: { "kelvin.dev/bus": "stub" },
    },
    wantEvents: became,
  },
  {
    name: "of an InMemoryChannel is, too",
    world: [inMemoryChannel("orders"), subscription("audit", ofChannelKind("InMemoryChannel"))],
    buses: stub(),
    key,
    wantStatus: allReady,
    wantEvents: became,
  },
  {
    name: "of a Channel that a bus serves in place is, too",
    world: [channel("orders", onNats), subscription("audit")],
    buses: nats(),
    key,
    wantStatus: allReady,
    wantStatusFields: { annotations: { "kelvin.dev/bus": "nats" } },
    wantEvents: became,
  },
  {
    name: "has its addresses in its status before the bus knows it",
    world: [...channels, subscription("audit")],
    buses: { stub: busView({}) },
    key,
    wantStatus: { ...allReady, ChannelReady: unknownToBus, Ready: unknownToBus },
    wantStatusFields: { observedGeneration: 1, ...physical({ subscriberUri: sinkUri }) },
    wantEvents: [synced],
  },
  {
    name: "is not ready while an older generation is delivered",
    world: [...channels, subscription("audit", withConditions(allReady), withGeneration(2))],
    buses: stub(),
    key,
    wantStatus: { ...allReady, ChannelReady: unknownToBus, Ready: unknownToBus },
    wantStatusFields: { observedGeneration: 2 },
  },
  {
    name: "says when its limits make no sense: the bus goes by the usual ones then",
    world: [
      ...channels,
      subscription("audit", withConditions(allReady), withAnnotations({ "kelvin.dev/rate-limit": "many" })),
    ],
    buses: stub(),
    key,
    wantStatus: {
      ...allReady,
      AddedToChannel: "False/PhysicalChannelSyncFailed",
      Ready: "False/PhysicalChannelSyncFailed",
    },
    wantEvents: [
      expect.stringMatching(/metadata.annotations: kelvin.dev\/rate-limit: .*, was "many"$/) as unknown as string,
    ],
  },
  {
    name: "says what the bus cannot do",
    world: [...channels, subscription("audit", withConditions(allReady))],
    buses: stub({ state: "failed", message: "no room" }),
    key,
    wantStatus: {
      ...allReady,
      ChannelReady: "False/SubscriptionNotMarkedReadyByChannel",
      Ready: "False/SubscriptionNotMarkedReadyByChannel",
    },
    wantEvents: [
      'Warning SubscriptionNotMarkedReadyByChannel: Subscription not marked ready by Channel: Bus "stub" failed: no room',
    ],
  },
  {
    name: "is not added to a channel whose bus is not there",
    world: [channel("orders", onNats), subscription("audit")],
    buses: stub(),
    key,
    wantStatus: {
      ...allReady,
      AddedToChannel: "False/PhysicalChannelSyncFailed",
      ChannelReady: "False/SubscriptionNotMarkedReadyByChannel",
      Ready: "False/SubscriptionNotMarkedReadyByChannel",
    },
    wantEvents: [
      'Warning SubscriptionNotMarkedReadyByChannel: Subscription not marked ready by Channel: No replica of bus "nats" is known; buses that are there: stub',
    ],
  },
  {
    name: "shows how many dead letters it has",
    world: [...channels, subscription("audit", withConditions(allReady))],
    buses: stub({ deadLetters: 3 }),
    key,
    wantStatus: allReady,
    wantStatusFields: { annotations: { "kelvin.dev/bus": "stub", "kelvin.dev/dead-letters": "3" } },
  },
];

const withoutChannel: Row[] = [
  {
    name: "of no channel says so, and forgets where its events went",
    world: [subscription("audit", withStatus({ physicalSubscription: { subscriberUri: sinkUri } }))],
    buses: stub(),
    key,
    wantStatus: noChannel,
    wantStatusFields: { physicalSubscription: exactly({}) },
    wantEvents: [noChannelEvent('Channel "default/orders" does not exist')],
  },
  {
    name: "of a Channel that has made no InMemoryChannel yet",
    world: [orders, subscription("audit")],
    buses: stub(),
    key,
    wantStatus: noChannel,
    wantEvents: [noChannelEvent('InMemoryChannel "default/orders" does not exist')],
  },
  {
    name: "of a channel that is being deleted",
    world: [channel("orders", deleting("f")), backing, subscription("audit")],
    buses: stub(),
    key,
    wantStatus: noChannel,
    wantEvents: [noChannelEvent('Channel "default/orders" is being deleted')],
  },
  {
    name: "of a kind that is no channel here",
    world: [...channels, subscription("audit", ofChannelKind("Gizmo"))],
    buses: stub(),
    key,
    wantStatus: noChannel,
    wantEvents: [
      noChannelEvent(
        "Gizmo of messaging.knative.dev/v1 is no channel here; Channel and InMemoryChannel of messaging.knative.dev are",
      ),
    ],
  },
  {
    name: "of a channel in another namespace",
    world: [...channels, subscription("audit", ({ spec }) => (spec.channel = { ...spec.channel, namespace: "other" }))],
    buses: stub(),
    key,
    wantStatus: noChannel,
    wantEvents: [noChannelEvent('channels of other namespaces are not served, this is of "other"')],
  },
  {
    name: "of a Channel that nobody serves",
    world: [
      channel("orders", withSpec({ channelTemplate: { apiVersion: "example.com/v1", kind: "Gizmo" } })),
      subscription("audit"),
    ],
    buses: stub(),
    key,
    wantStatus: noChannel,
    wantEvents: [expect.stringContaining('made of "example.com/v1/Gizmo"') as unknown as string],
  },
];

const refersTo: Row[] = [
  {
    name: "resolves its subscriber, its reply and its dead-letter sink",
    world: [
      ...channels,
      coreService("web"),
      subscription(
        "audit",
        withSpec({
          subscriber: { ...serviceRef("web"), uri: "/in" },
          reply: { uri: "http://reply.example" },
          delivery: { deadLetterSink: serviceRef("web") },
        }),
      ),
    ],
    buses: stub(),
    key,
    wantStatus: allReady,
    wantStatusFields: physical({
      subscriberUri: "http://web.default.svc.cluster.local/in",
      replyUri: "http://reply.example",
      deadLetterSinkUri: "http://web.default.svc.cluster.local",
    }),
    wantEvents: became,
  },
  {
    name: "whose subscriber is gone forgets it, and keeps the rest",
    world: [
      ...channels,
      subscription(
        "audit",
        withSpec({ subscriber: serviceRef("web"), reply: { uri: "http://reply.example" } }),
        withConditions(allReady),
        withStatus({ physicalSubscription: { subscriberUri: "http://old.example" } }),
      ),
    ],
    buses: stub(),
    key,
    wantStatus: notResolved("SubscriberResolveFailed"),
    wantStatusFields: { physicalSubscription: exactly({ replyUri: "http://reply.example" }) },
    wantEvents: [
      "Warning SubscriberResolveFailed: Failed to resolve spec.subscriber: Service default/web does not exist",
    ],
  },
  {
    name: "takes its dead-letter sink from its channel, delivery of its own or not",
    world: [
      orders,
      inMemoryChannel(
        "orders",
        withSpec({ delivery: { deadLetterSink: serviceRef("letters") } }),
        withStatus({ deadLetterSinkUri: "http://letters.example" }),
      ),
      subscription("audit", withSpec({ delivery: { retry: 1 } })),
    ],
    buses: stub(),
    key,
    wantStatus: allReady,
    wantStatusFields: physical({ subscriberUri: sinkUri, deadLetterSinkUri: "http://letters.example" }),
    wantEvents: became,
  },
  {
    name: "says when its channel does not know where its dead letters go",
    world: [
      orders,
      inMemoryChannel("orders", withSpec({ delivery: { deadLetterSink: serviceRef("letters") } })),
      subscription("audit", withConditions(allReady)),
    ],
    buses: stub(),
    key,
    wantStatus: notResolved("DeadLetterSinkResolveFailed"),
    wantEvents: [
      'Warning DeadLetterSinkResolveFailed: Failed to resolve spec.delivery.deadLetterSink: the dead-letter sink of channel "orders" is not resolved',
    ],
  },
];

/** For a comparison that lets no other field be. */
function exactly(fields: object): object {
  return { asymmetricMatch: (given: unknown) => JSON.stringify(given) === JSON.stringify(fields) };
}

function subjectWith(buses: Row["buses"], changes: Partial<SubscriptionDeps> = {}) {
  return {
    kind: Subscription,
    reconcile: reconcileSubscription,
    makeDeps: ({ kube, informer, clock }, context): SubscriptionDeps => ({
      ...context,
      lookup: lookupIn(kube),
      channels: informer(Channel),
      inMemoryChannels: informer(InMemoryChannel),
      buses: fakeBuses(buses).watch,
      deadLetters: makeDeadLetterCounts(clock),
      ...changes,
    }),
  } satisfies Parameters<typeof describeReconcile<Subscription, SubscriptionDeps>>[0];
}

for (const row of [...ofChannels, ...withoutChannel, ...refersTo]) {
  describeReconcile<Subscription, SubscriptionDeps>(subjectWith(row.buses), [row]);
}

class AwayError extends Error {}
const away = { lookup: { resolve: () => Promise.reject(new AwayError("the API server is away")) } };
const stale = withStatus({ physicalSubscription: { subscriberUri: "http://old.example" } });

describeReconcile<Subscription, SubscriptionDeps>(subjectWith(stub(), away), [
  {
    name: "leaves no address of an older spec under its new generation when nothing can be looked up",
    world: [...channels, subscription("audit", withConditions(allReady), stale, withGeneration(2))],
    key,
    wantStatusFields: exactlyWithout("physicalSubscription"),
    wantError: AwayError,
  },
  {
    name: "keeps the addresses of its spec when nothing can be looked up",
    world: [...channels, subscription("audit", withConditions(allReady), stale)],
    key,
    wantStatusFields: { physicalSubscription: { subscriberUri: "http://old.example" } },
    wantError: AwayError,
  },
]);

function exactlyWithout(field: string): object {
  return expect.not.objectContaining({ [field]: expect.anything() }) as object;
}

describe("a Subscription that is being deleted", () => {
  const noted = (bus: string) => withStatus({ annotations: { "kelvin.dev/bus": bus } });
  const going = (bus: string) => subscription("audit", deleting("f"), noted(bus));
  const finalizer = (object: Subscription, objects: { channels?: Channel[]; inMemoryChannels?: InMemoryChannel[] }) => {
    const told: string[] = [];
    const record = (_: object, reason: string, message: string) => void told.push(`${reason}: ${message}`);
    const clock = fakeClock();
    const readerOf = <T>(list: T[] = []) => ({ get: () => list[0], list: () => list, byIndex: () => list });
    const deps = {
      clock,
      recorder: { normal: record, warning: record },
      channels: readerOf(objects.channels),
      inMemoryChannels: readerOf(objects.inMemoryChannels),
      deadLetters: makeDeadLetterCounts(clock),
      departures: makeDepartures(),
    };
    return async (buses: Readonly<Record<string, BusView>>) => {
      const outcome = await finalizeSubscription(object, { ...deps, buses: fakeBuses(buses).watch });
      return [outcome, ...told];
    };
  };
  const removed = 'SubscriberRemoved: Subscription was removed from channel "orders"';

  test("waits until its bus has let go of it, and tells what went with it", async () => {
    const finalize = finalizer(going("nats"), { channels: [channel("orders", onNats)] });
    expect(await finalize(nats({ backlog: 7, deadLetters: 2 }))).toEqual([requeueAfter(300_000)]);
    expect(await finalize({})).toEqual([requeueAfter(300_000)]);
    expect(await finalize(nats({ state: "removed" }))).toEqual([
      undefined,
      `${removed}; with it went 7 events that waited and 2 dead letters`,
    ]);
  });

  test.each<[string, Subscription, Parameters<typeof finalizer>[1], Readonly<Record<string, BusView>>]>([
    ["its channel is gone", going("nats"), {}, nats()],
    ["its channel is going", going("nats"), { channels: [channel("orders", onNats, deleting("f"))] }, nats()],
    ["its bus was never there", subscription("audit", deleting("f")), { channels: [channel("orders", onNats)] }, {}],
    [
      "its bus held all in memory and has ended",
      going("stub"),
      { channels: [orders], inMemoryChannels: [backing] },
      {},
    ],
  ])("goes at once when %s", async (...[, object, objects, buses]) => {
    expect(await finalizer(object, objects)(buses)).toEqual([undefined, removed]);
  });
});
