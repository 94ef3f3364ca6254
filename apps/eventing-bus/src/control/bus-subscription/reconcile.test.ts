import { Bus, Channel, ClusterBus, Subscription } from "@kelvin/api/channels/v1alpha1";
import { requeueAfter, type ReconcileContext } from "@kelvin/controller";
import {
  deleting,
  describeReconcile,
  namespace,
  withAnnotations,
  withConditions,
  withSpec,
  withStatus,
  type ReconcileRow,
  type ReconcileWorld,
} from "@kelvin/testkit";
import { bus, busChannel, busSubscription, clusterBus } from "../../../test/channels-builders.ts";
import { busView, fakeBuses, served } from "../../../test/fake-buses.ts";
import { heldRow } from "../../../test/held-row.ts";
import type { BusView } from "../bus-watch/bus-watch.ts";
import { makeDeadLetterCounts } from "../dead-letter-count.ts";
import { makeDepartures } from "../departures.ts";
import { finalizeBusSubscription, reconcileBusSubscription } from "./reconcile.ts";

const key = "default/audit";
const uid = "uid-subscription-audit";
const audit = busSubscription("audit");
const orders = busChannel("orders");
const stub = clusterBus("stub");
const rabbit = bus("rabbit");
const ofRabbit = busChannel("orders", withSpec({ bus: "rabbit", clusterBus: undefined }));
const serving = (changes: Parameters<typeof served>[0] = {}) => ({ stub: busView({ [uid]: served(changes) }) });
const because = (text: string) => ({ Dispatching: text, Ready: text });
const ready = { Dispatching: "True/Synced", Ready: "True" };
const became = 'Normal SubscriptionReadinessChanged: Subscription "audit" became ready';
const subscriberUri = "http://sink.default.svc.cluster.local/";

type Row = ReconcileRow & { readonly buses?: Readonly<Record<string, BusView>> };

const ofOurs: Row[] = [
  {
    name: "§1.5 is Ready, which v0.1 never was, once every replica of its bus delivers to it",
    world: [stub, orders, audit],
    buses: serving(),
    key,
    wantStatus: ready,
    wantStatusFields: { subscriberUri, annotations: { "kelvin.dev/bus": "stub" } },
    wantEvents: [became],
  },
  {
    name: "waits for its bus to take this generation, and says where events will go before",
    world: [stub, orders, audit],
    buses: serving({ generation: 0 }),
    key,
    wantStatus: because("Unknown/Pending"),
    wantStatusFields: { subscriberUri },
  },
  ...(
    [
      ["a bare name: a Service of the namespace", "sink", subscriberUri],
      ["a host name", "sink.other.svc.cluster.local", "http://sink.other.svc.cluster.local/"],
      ["a URL", "https://example.com/a?b=c", "https://example.com/a?b=c"],
    ] as const
  ).map(([what, target, url]): Row => ({
    name: `§1.10 its subscriber and replyTo may be ${what}`,
    world: [stub, orders, busSubscription("audit", withSpec({ subscriber: target, replyTo: target }))],
    buses: serving(),
    key,
    wantStatus: ready,
    wantStatusFields: { subscriberUri: url, replyUri: url },
    wantEvents: [became],
  })),
  {
    name: "whose Channel is not there follows when it comes",
    world: [stub, audit],
    key,
    wantStatus: because("False/ChannelNotFound"),
    wantStatusFields: { subscriberUri },
    wantEvents: [
      'Warning ChannelNotFound: There is no Channel "orders" in namespace "default" (of channels.knative.dev)',
    ],
  },
  {
    name: "of a Channel of an unknown bus says so",
    world: [stub, busChannel("orders", withSpec({ clusterBus: "kafka" })), audit],
    key,
    wantStatus: because("False/BusNotFound"),
    wantEvents: ['Warning BusNotFound: There is no ClusterBus "kafka"; ClusterBuses that are there: stub'],
  },
  {
    name: "of a bus that does not run says so",
    world: [stub, orders, audit],
    key,
    wantStatus: because("False/BusNotReady"),
    wantEvents: ['Warning BusNotReady: No replica of bus "stub" runs'],
  },
  {
    name: "says what its bus says against it",
    world: [stub, orders, audit],
    buses: serving({ state: "failed", message: "initialOffset: must be Oldest or Newest" }),
    key,
    wantStatus: because("False/ErrResourceSync"),
    wantEvents: ['Warning ErrResourceSync: Bus "stub" failed: initialOffset: must be Oldest or Newest'],
  },
  {
    name: "with a target that events may not go to has no address",
    world: [stub, orders, busSubscription("audit", withSpec({ subscriber: "169.254.169.254" }))],
    buses: serving(),
    key,
    wantStatus: because("False/ErrResourceSync"),
    wantEvents: [
      "Warning ErrResourceSync: invalid value: 169.254.169.254: spec.subscriber\nlink-local addresses, where clouds have their metadata, take no events",
    ],
  },
  {
    name: "with a wrong limit says so",
    world: [stub, orders, busSubscription("audit", withAnnotations({ "kelvin.dev/max-in-flight": "0" }))],
    buses: serving(),
    key,
    wantStatus: because("False/ErrResourceSync"),
    wantEvents: [
      'Warning ErrResourceSync: metadata.annotations: kelvin.dev/max-in-flight: must be a whole number from 1 to 10000, was "0"',
    ],
  },
  {
    name: "counts its dead letters",
    world: [stub, orders, audit],
    buses: serving({ deadLetters: 3 }),
    key,
    wantStatus: ready,
    wantStatusFields: { annotations: { "kelvin.dev/dead-letters": "3" } },
    wantEvents: [became],
  },
  {
    name: "§1.6 without an argument that its bus needs says which",
    world: [clusterBus("stub", withSpec({ parameters: { subscription: [{ name: "initialOffset" }] } })), orders, audit],
    buses: serving(),
    key,
    wantStatus: because("False/MissingArguments"),
    wantEvents: ['Warning MissingArguments: Bus "stub" needs a value of initialOffset: give spec.arguments'],
  },
];

const said = (text: string) => withConditions({ Dispatching: text });
const ofThirdParty: Row[] = [
  {
    name: "§1.9 of a third party's bus waits for what that says, with its addresses",
    world: [rabbit, ofRabbit, audit],
    key,
    wantStatus: because("Unknown/Pending"),
    wantStatusFields: { subscriberUri },
  },
  ...["True/SubscriptionSynced", "False/NoConsumer"].map((text): Row => {
    const isTrue = text.startsWith("True");
    return {
      name: `§1.9 of a third party's bus keeps what that says: ${text}`,
      world: [rabbit, ofRabbit, busSubscription("audit", said(text))],
      key,
      wantStatus: { Dispatching: text, Ready: isTrue ? "True" : text },
      wantEvents: [isTrue ? became : "Warning NoConsumer: "],
    };
  }),
];

const finalizer = "subscriptions.channels.knative.dev";
const going = busSubscription(
  "audit",
  deleting(finalizer),
  withStatus({ annotations: { "kelvin.dev/bus": "stub", "kelvin.dev/bus-kind": "kafka" } }),
);
const kafka = clusterBus("stub", ({ metadata }) => {
  metadata.annotations = { "kelvin.dev/bus": "kafka" };
});
const removed = 'Normal SubscriberRemoved: Subscription was removed from channel "orders"';
const atBroker = 'the group "stub.default.audit", with events that wait for it';

/** A wanted update without its finalizer is shown as it was before. */
const deletions: Row[] = [
  {
    name: "stays while its bus has something of it",
    world: [kafka, orders, going],
    buses: serving(),
    key,
    wantOutcome: requeueAfter(300_000),
  },
  {
    name: "goes when its bus has let go of it, and says what went with it",
    world: [kafka, orders, going],
    buses: serving({ state: "removed", backlog: 2 }),
    key,
    wantUpdated: [going],
    wantEvents: [`${removed}; with it went 2 events that waited and 0 dead letters`],
  },
  {
    name: "goes at once when its Channel is gone",
    world: [kafka, going],
    key,
    wantUpdated: [going],
    wantEvents: [removed],
  },
  {
    name: "goes at once when its Channel is going",
    world: [kafka, busChannel("orders", deleting("f")), going],
    buses: serving(),
    key,
    wantUpdated: [going],
    wantEvents: [removed],
  },
  {
    name: "goes at once when its bus is not there any more, and says what may remain",
    world: [orders, going],
    key,
    wantUpdated: [going],
    wantEvents: [
      `Warning BusNotCleaned: Bus "stub" is gone, and has not confirmed that Subscription "default/audit" is removed; there may remain ${atBroker}`,
      removed,
    ],
  },
  {
    name: "of a bus that is away goes at once when its namespace is being deleted",
    world: [namespace("default", deleting()), kafka, orders, going],
    key,
    wantUpdated: [going],
    wantEvents: [
      `Warning BusNotCleaned: Bus "stub" is away, and the namespace is being deleted, and has not confirmed that Subscription "default/audit" is removed; there may remain ${atBroker}`,
      removed,
    ],
  },
  {
    name: "of a third party's bus goes at once",
    world: [rabbit, ofRabbit, going],
    key,
    wantUpdated: [going],
    wantEvents: [removed],
  },
];

for (const row of [...ofOurs, ...ofThirdParty, ...deletions]) {
  describeReconcile(
    {
      kind: Subscription,
      reconcile: reconcileBusSubscription,
      finalize: finalizeBusSubscription,
      finalizerName: finalizer,
      makeDeps: ({ informer, clock }: ReconcileWorld, context: ReconcileContext) => ({
        ...context,
        buses: fakeBuses(row.buses).watch,
        busObjects: informer(Bus),
        clusterBusObjects: informer(ClusterBus),
        busChannels: informer(Channel),
        deadLetters: makeDeadLetterCounts(clock),
        departures: makeDepartures(),
        ownImage: () => Promise.resolve("own"),
        systemNamespace: "knative-eventing",
      }),
    },
    [heldRow(row, { kind: "Subscription", finalizer })],
  );
}
