import { describe, expect, test } from "@jest/globals";
import { Channel, InMemoryChannel, Subscription } from "@kelvin/api/messaging/v1";
import { NotOwnedError, requeueAfter } from "@kelvin/controller";
import { CoreService } from "@kelvin/kube";
import {
  coreService,
  deleting,
  describeReconcile,
  fakeClock,
  ownedBy,
  ownedBySomeoneElse,
  withConditions,
  withGeneration,
  withLabels,
  withSpec,
  withStatus,
  type ReconcileRow,
} from "@kelvin/testkit";
import { busView, fakeBuses, served } from "../../../test/fake-buses.ts";
import { channel, channelService, inMemoryChannel, onNats, subscription } from "../../../test/messaging-builders.ts";
import { lookupIn } from "../../../test/world-lookup.ts";
import type { BusView } from "../bus-watch/bus-watch.ts";
import { channelsOf, indexes } from "../informer-indexes.ts";
import { ServiceError } from "../stream-channel.ts";
import { finalizeChannel, reconcileChannel, type ChannelDeps } from "./reconcile.ts";

const key = "default/orders";
const orders = channel("orders");
const backing = (...changes: Parameters<typeof inMemoryChannel>[1][]) =>
  inMemoryChannel("orders", ownedBy(orders), ...changes);
const made: InMemoryChannel = {
  apiVersion: "messaging.knative.dev/v1",
  kind: "InMemoryChannel",
  metadata: { name: "orders", namespace: "default", ownerReferences: backing().metadata.ownerReferences ?? [] },
  spec: {},
};
const address = { name: "http", url: "http://orders-kn-channel.default.svc.cluster.local" };
const subscribers = [{ uid: "uid-subscription-a", observedGeneration: 1, ready: "True" }];
const reference = {
  apiVersion: "messaging.knative.dev/v1",
  kind: "InMemoryChannel",
  namespace: "default",
  name: "orders",
};

const inPlace = channel("orders", onNats);
const service = channelService(inPlace, "nats-channel", "nats-clusterbus.knative-eventing.svc.cluster.local");
const nats = (changes: Parameters<typeof served>[0] = {}, more: Parameters<typeof busView>[0] = {}) => ({
  nats: busView({ "uid-channel-orders": served(changes), ...more }),
});

const fixed = { DeadLetterSinkResolved: "True/DeadLetterSinkNotConfigured", EventPoliciesReady: "True/OIDCDisabled" };
const allReady = { ...fixed, Addressable: "True", BackingChannelReady: "True", Ready: "True" };
const because = (text: string, addressable = "True") => ({
  ...fixed,
  Addressable: addressable,
  BackingChannelReady: text,
  Ready: text,
});
const became = ['Normal ChannelReadinessChanged: Channel "orders" became ready'];

type Row = ReconcileRow & { readonly buses?: Readonly<Record<string, BusView>> };

const madeOfInMemory: Row[] = [
  {
    name: "made of an InMemoryChannel makes that",
    world: [orders],
    key,
    wantCreated: [made],
    wantStatus: {
      ...fixed,
      Addressable: "False/EmptyHostname",
      BackingChannelReady: "Unknown/BackingChannelNotConfigured",
      Ready: "False/EmptyHostname",
    },
    wantStatusFields: { channel: reference },
    wantEvents: ['Normal Created: Created InMemoryChannel "orders"'],
  },
  {
    name: "repeats how that stands, with its address and its subscribers",
    world: [orders, backing(withConditions({ Ready: "True" }), withStatus({ address, subscribers }))],
    key,
    wantStatus: allReady,
    wantStatusFields: { address, addresses: [address], subscribers, channel: reference },
    wantEvents: became,
  },
  {
    name: "repeats why that is not ready",
    world: [orders, backing(withConditions({ Ready: "False/BusNotFound" }), withStatus({ address }))],
    key,
    wantStatus: because("False/BusNotFound"),
    wantEvents: ["Warning BusNotFound: "],
  },
  {
    name: "believes nothing of what that says of an older generation",
    world: [orders, backing(withConditions({ Ready: "True" }), withStatus({ address }), withGeneration(2))],
    key,
    wantStatus: because("Unknown/BackingChannelNotConfigured"),
    wantStatusFields: { address },
  },
  {
    name: "gives that its delivery, and leaves its subscribers alone",
    world: [
      channel("orders", withSpec({ delivery: { retry: 2 } })),
      backing(withSpec({ subscribers: [{ uid: "1" }] }), withConditions({ Ready: "True" }), withStatus({ address })),
    ],
    key,
    wantUpdated: [backing(withLabels({}), withSpec({ subscribers: [{ uid: "1" }], delivery: { retry: 2 } }))],
    wantStatus: because("Unknown/BackingChannelNotConfigured"),
    wantStatusFields: { address },
  },
  {
    name: "leaves an InMemoryChannel of somebody else alone and says so",
    world: [orders, inMemoryChannel("orders", ownedBySomeoneElse, withConditions({ Ready: "True" }))],
    key,
    wantStatus: because("False/ChannelFailure", "Unknown"),
    wantError: NotOwnedError,
  },
];

const servedInPlace: Row[] = [
  {
    name: "that its bus serves in place makes nothing but its name",
    world: [inPlace],
    buses: { nats: busView({}) },
    key,
    wantCreated: [service],
    wantStatus: because("Unknown/BackingChannelNotConfigured"),
    wantStatusFields: { address, annotations: { "kelvin.dev/bus": "nats" } },
    wantEvents: ['Normal Created: Created Service "orders-kn-channel"'],
  },
  {
    name: "that its bus serves in place is ready with its subscribers",
    world: [inPlace, service, subscription("a"), subscription("b")],
    buses: nats({}, { "uid-subscription-a": served() }),
    key,
    wantStatus: allReady,
    wantStatusFields: { subscribers },
    wantEvents: became,
  },
  {
    name: "says that the broker of its bus is away",
    world: [inPlace, service],
    buses: { nats: busView({ "uid-channel-orders": served() }, { trouble: "authorization violation" }) },
    key,
    wantStatus: because("False/ChannelFailure"),
    wantEvents: ['Warning ChannelFailure: Bus "nats" cannot reach its broker: authorization violation'],
  },
  {
    name: "says which buses are there when its own is not",
    world: [inPlace],
    buses: { stub: busView({}) },
    key,
    wantStatus: because("False/BusNotFound", "False/EmptyHostname"),
    wantEvents: ['Warning BusNotFound: No replica of bus "nats" is known; buses that are there: stub'],
  },
  {
    name: "of a template that nobody knows says which there are",
    world: [channel("orders", withSpec({ channelTemplate: { apiVersion: "example.com/v1", kind: "Gizmo" } }))],
    buses: nats(),
    key,
    wantStatus: because("False/BusNotFound", "False/EmptyHostname"),
    wantStatusFields: {
      conditions: expect.arrayContaining([
        expect.objectContaining({
          type: "Ready",
          message: expect.stringMatching(
            /"example.com\/v1\/Gizmo"; known are .*InMemoryChannel.*; buses that are there: nats$/,
          ),
        }),
      ]),
    },
    wantEvents: [expect.stringMatching(/^Warning BusNotFound: /) as unknown as string],
  },
  {
    name: "whose Service belongs to somebody else says so",
    world: [inPlace, coreService("orders-kn-channel", ownedBySomeoneElse)],
    buses: nats(),
    key,
    wantStatus: because("False/ChannelFailure", "Unknown"),
    wantError: ServiceError,
  },
];

for (const row of [...madeOfInMemory, ...servedInPlace]) {
  describeReconcile<Channel, ChannelDeps>(
    {
      kind: Channel,
      reconcile: reconcileChannel,
      makeDeps: ({ kube, informer }, context) => ({
        ...context,
        lookup: lookupIn(kube),
        buses: fakeBuses(row.buses).watch,
        inMemoryChannels: informer(InMemoryChannel),
        subscriptions: informer(Subscription, { indexes: { [indexes.channel]: channelsOf } }),
        channelServices: informer(CoreService, { labelSelector: "messaging.knative.dev/role" }),
        systemNamespace: "knative-eventing",
      }),
    },
    [row],
  );
}

describe("a Channel that is being deleted", () => {
  const noted = withStatus({ annotations: { "kelvin.dev/bus": "nats" } });
  test.each<[string, Channel, Readonly<Record<string, BusView>>, number | undefined]>([
    ["goes at once when it is made of an InMemoryChannel", channel("orders", deleting("f")), {}, undefined],
    ["goes at once when its bus was never there", channel("orders", onNats, deleting("f")), {}, undefined],
    [
      "goes once its bus has removed it",
      channel("orders", onNats, noted, deleting("f")),
      nats({ state: "removed" }),
      undefined,
    ],
    ["waits while it is still served", channel("orders", onNats, noted, deleting("f")), nats(), 300_000],
    ["waits for its bus when that is away", channel("orders", onNats, noted, deleting("f")), {}, 300_000],
  ])("%s", async (...[, going, buses, waitMs]) => {
    const recorder = { normal: () => undefined, warning: () => undefined };
    const outcome = await finalizeChannel(going, { clock: fakeClock(), recorder, buses: fakeBuses(buses).watch });
    expect(outcome).toEqual(waitMs === undefined ? undefined : requeueAfter(waitMs));
  });
});
