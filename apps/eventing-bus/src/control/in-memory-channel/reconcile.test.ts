import { describe, expect, test } from "@jest/globals";
import { InMemoryChannel, Subscription } from "@kelvin/api/messaging/v1";
import { requeueAfter } from "@kelvin/controller";
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
  withSpec,
  withStatus,
  type ReconcileRow,
} from "@kelvin/testkit";
import { busView, fakeBuses, served } from "../../../test/fake-buses.ts";
import {
  channel,
  channelService,
  inMemoryChannel,
  ofChannelKind,
  subscription,
} from "../../../test/messaging-builders.ts";
import { lookupIn } from "../../../test/world-lookup.ts";
import type { BusView } from "../bus-watch/bus-watch.ts";
import { channelsOf, indexes } from "../informer-indexes.ts";
import { ServiceError } from "../stream-channel.ts";
import { finalizeInMemoryChannel, reconcileInMemoryChannel, type InMemoryChannelDeps } from "./reconcile.ts";

const key = "default/orders";
const uid = "uid-inmemorychannel-orders";
const target = "imc-dispatcher.knative-eventing.svc.cluster.local";
const orders = inMemoryChannel("orders");
const service = channelService(orders, "in-memory-channel", target);
const address = { name: "http", url: "http://orders-kn-channel.default.svc.cluster.local" };
const stub = (changes: Parameters<typeof served>[0] = {}, more: Parameters<typeof busView>[0] = {}) => ({
  stub: busView({ [uid]: served(changes), ...more }),
});

const fixed = { DeadLetterSinkResolved: "True/DeadLetterSinkNotConfigured", EventPoliciesReady: "True/OIDCDisabled" };
const dispatcher = (text: string) => ({ DispatcherReady: text, EndpointsReady: text, ServiceReady: text });
const named = { ...fixed, Addressable: "True", ChannelServiceReady: "True" };
const allReady = { ...named, ...dispatcher("True"), Ready: "True" };
const became = ['Normal InMemoryChannelReadinessChanged: InMemoryChannel "orders" became ready'];
const there = 'No replica of bus "stub" is known; buses that are there: none';

const rows: (ReconcileRow & { readonly buses: Readonly<Record<string, BusView>> })[] = [
  {
    name: "new, gets its Service and its address, and waits for the bus",
    world: [orders],
    buses: { stub: busView({}) },
    key,
    wantCreated: [service],
    wantStatus: {
      ...named,
      ...dispatcher("Unknown/DispatcherDeploymentUnknown"),
      Ready: "Unknown/DispatcherDeploymentUnknown",
    },
    wantStatusFields: {
      observedGeneration: 1,
      address,
      addresses: [address],
      annotations: { "kelvin.dev/bus": "stub" },
    },
    wantEvents: ['Normal Created: Created Service "orders-kn-channel"'],
  },
  {
    name: "is ready when every replica serves its generation",
    world: [orders, service],
    buses: stub(),
    key,
    wantStatus: allReady,
    wantEvents: became,
  },
  {
    name: "is not ready while an older generation is served",
    world: [inMemoryChannel("orders", withGeneration(2)), service],
    buses: stub(),
    key,
    wantStatus: {
      ...named,
      ...dispatcher("Unknown/DispatcherDeploymentUnknown"),
      Ready: "Unknown/DispatcherDeploymentUnknown",
    },
  },
  {
    name: "says what the bus cannot do",
    world: [orders, service],
    buses: stub({ state: "failed", message: "no memory" }),
    key,
    wantStatus: {
      ...named,
      ...dispatcher("False/DispatcherDeploymentFalse"),
      Ready: "False/DispatcherDeploymentFalse",
    },
    wantEvents: ['Warning DispatcherDeploymentFalse: Bus "stub" failed: no memory'],
  },
  {
    name: "has no address before its bus was there once",
    world: [orders],
    buses: {},
    key,
    wantStatus: {
      ...fixed,
      ...dispatcher("False/BusNotFound"),
      Addressable: "False/EmptyHostname",
      ChannelServiceReady: "Unknown",
      Ready: "False/BusNotFound",
    },
    wantEvents: [`Warning BusNotFound: ${there}`],
  },
  {
    name: "keeps its address when its bus goes",
    world: [
      inMemoryChannel("orders", withConditions(allReady), withStatus({ address, addresses: [address] })),
      service,
    ],
    buses: {},
    key,
    wantStatus: { ...named, ...dispatcher("False/BusNotFound"), Ready: "False/BusNotFound" },
    wantStatusFields: { address },
    wantEvents: [`Warning BusNotFound: ${there}`],
  },
  {
    name: "leaves a Service of somebody else alone and says so",
    world: [orders, coreService("orders-kn-channel", ownedBySomeoneElse)],
    buses: stub(),
    key,
    wantStatus: {
      ...fixed,
      ...dispatcher("Unknown"),
      Addressable: "Unknown",
      ChannelServiceReady: "False/ChannelServiceFailed",
      Ready: "False/ChannelServiceFailed",
    },
    wantError: ServiceError,
  },
  {
    name: "puts back what somebody changed of its Service, and leaves what the server added",
    world: [
      orders,
      {
        ...service,
        spec: { ...service.spec, externalName: "elsewhere.example", ipFamilyPolicy: "SingleStack" },
      } as CoreService,
    ],
    buses: stub(),
    key,
    wantUpdated: [
      {
        ...service,
        metadata: { ...service.metadata, annotations: {} },
        spec: { ...service.spec, ipFamilyPolicy: "SingleStack" },
      } as CoreService,
    ],
    wantStatus: allReady,
    wantEvents: became,
  },
  {
    name: "says of each Subscription that its bus knows how it stands to it",
    world: [
      inMemoryChannel("orders", ownedBy(channel("orders"))),
      channelService(orders, "in-memory-channel", target),
      subscription("b"),
      subscription("a", ofChannelKind("InMemoryChannel")),
      subscription("new", withGeneration(2)),
      subscription("going", deleting("f")),
      subscription("other", ({ spec }) => (spec.channel = { ...spec.channel, name: "other" })),
    ],
    buses: stub(
      {},
      Object.fromEntries(
        ["a", "new", "going", "other"]
          .map((name) => [`uid-subscription-${name}`, served()] as const)
          .concat([["uid-subscription-b", served({ state: "failed", message: "no room" })]]),
      ),
    ),
    key,
    wantStatus: allReady,
    wantStatusFields: {
      subscribers: [
        { uid: "uid-subscription-a", observedGeneration: 1, ready: "True" },
        {
          uid: "uid-subscription-b",
          observedGeneration: 1,
          ready: "False",
          message: 'Bus "stub" failed: no room',
        },
      ],
    },
    wantEvents: became,
  },
  {
    name: "without the Channel of its name has not that one's Subscriptions",
    world: [orders, service, subscription("a")],
    buses: stub({}, { "uid-subscription-a": served() }),
    key,
    wantStatus: allReady,
    wantStatusFields: without("subscribers"),
    wantEvents: became,
  },
  {
    name: "with a dead-letter sink says where that is",
    world: [withSink(orders), service, coreService("sink")],
    buses: stub(),
    key,
    wantStatus: { ...allReady, DeadLetterSinkResolved: "True" },
    wantStatusFields: { deadLetterSinkUri: "http://sink.default.svc.cluster.local" },
    wantEvents: became,
  },
  {
    name: "whose dead-letter sink is gone is not ready, and forgets where it was",
    world: [withSink(inMemoryChannel("orders", withStatus({ deadLetterSinkUri: "http://old.example" }))), service],
    buses: stub(),
    key,
    wantStatus: {
      ...allReady,
      DeadLetterSinkResolved: "False/DeadLetterSinkResolveFailed",
      Ready: "False/DeadLetterSinkResolveFailed",
    },
    wantStatusFields: without("deadLetterSinkUri"),
    wantEvents: [
      "Warning DeadLetterSinkResolveFailed: spec.delivery.deadLetterSink: Service default/sink does not exist",
    ],
  },
];

function withSink(of: InMemoryChannel): InMemoryChannel {
  const ref = { apiVersion: "v1", kind: "Service", namespace: "default", name: "sink" };
  const copy = structuredClone(of);
  withSpec({ delivery: { deadLetterSink: { ref } } })(copy);
  return copy;
}

function subjectWith(buses: Readonly<Record<string, BusView>>, lookup?: InMemoryChannelDeps["lookup"]) {
  return {
    kind: InMemoryChannel,
    reconcile: reconcileInMemoryChannel,
    makeDeps: ({ kube, informer }, context): InMemoryChannelDeps => ({
      ...context,
      lookup: lookup ?? lookupIn(kube),
      buses: fakeBuses(buses).watch,
      subscriptions: informer(Subscription, { indexes: { [indexes.channel]: channelsOf } }),
      channelServices: informer(CoreService, { labelSelector: "messaging.knative.dev/role" }),
      systemNamespace: "knative-eventing",
    }),
  } satisfies Parameters<typeof describeReconcile<InMemoryChannel, InMemoryChannelDeps>>[0];
}

for (const row of rows) describeReconcile<InMemoryChannel, InMemoryChannelDeps>(subjectWith(row.buses), [row]);

function without(field: string): object {
  return expect.not.objectContaining({ [field]: expect.anything() }) as object;
}

class AwayError extends Error {}

const old = withStatus({ deadLetterSinkUri: "http://old.example" });
const withOldSink = (generation: number) =>
  withSink(inMemoryChannel("orders", withConditions(allReady), old, withGeneration(generation)));

describeReconcile<InMemoryChannel, InMemoryChannelDeps>(
  subjectWith(stub(), { resolve: () => Promise.reject(new AwayError("the API server is away")) }),
  [
    {
      name: "leaves no dead-letter sink of an older spec under its new generation when nothing can be looked up",
      world: [withOldSink(2), service],
      key,
      wantStatusFields: without("deadLetterSinkUri"),
      wantError: AwayError,
    },
    {
      name: "keeps the dead-letter sink of its spec when nothing can be looked up",
      world: [withOldSink(1), service],
      key,
      wantStatusFields: { deadLetterSinkUri: "http://old.example" },
      wantError: AwayError,
    },
  ],
);

describe("an InMemoryChannel that is being deleted", () => {
  const going = inMemoryChannel("orders", deleting("f"), withStatus({ annotations: { "kelvin.dev/bus": "stub" } }));
  test.each<[string, Readonly<Record<string, BusView>>, number | undefined]>([
    ["goes once the bus has removed it", stub({ state: "removed" }), undefined],
    ["waits while it is still served", stub(), 300_000],
    ["waits while a replica does not know of it", { stub: busView({}) }, 300_000],
    ["goes at once when the bus is away, with all that it had in memory", {}, undefined],
  ])("%s", async (_name, buses, waitMs) => {
    const recorder = { normal: () => undefined, warning: () => undefined };
    const outcome = await finalizeInMemoryChannel(going, {
      clock: fakeClock(),
      recorder,
      buses: fakeBuses(buses).watch,
    });
    expect(outcome).toEqual(waitMs === undefined ? undefined : requeueAfter(waitMs));
  });
});
