import { describe, expect, test } from "@jest/globals";
import { Broker } from "@kelvin/api/eventing/v1";
import { requeueAfter } from "@kelvin/controller";
import { ConfigMap } from "@kelvin/kube";
import {
  configMap,
  coreService,
  deleting,
  describeReconcile,
  fakeClock,
  inNamespace,
  withAnnotations,
  withGeneration,
  withSpec,
  withStatus,
  type ReconcileRow,
} from "@kelvin/testkit";
import { broker } from "../../../test/eventing-builders.ts";
import { busView, fakeBuses, served } from "../../../test/fake-buses.ts";
import { lookupIn } from "../../../test/world-lookup.ts";
import type { BusView } from "../bus-watch/bus-watch.ts";
import { makeBrokerConfigs } from "./broker-configs.ts";
import { finalizeBroker, reconcileBroker, type BrokerDeps } from "./reconcile.ts";

const systemNamespace = "knative-eventing";
const uid = "uid-broker-orders";
const key = "default/orders";
const url = "http://broker-ingress.knative-eventing.svc.cluster.local/default/orders";
const serving = { stub: busView({ [uid]: served() }) };

const template = (text: string, namespace = systemNamespace): ConfigMap =>
  configMap("config-br-default-channel", { "channel-template-spec": text }, inNamespace(namespace));
const inMemory = template("apiVersion: messaging.knative.dev/v1\nkind: InMemoryChannel\n");
const nats = template("apiVersion: messaging.knative.dev/v1alpha1\nkind: NatsJetStreamChannel\n");
const ofClass = (name: string) => withAnnotations({ "eventing.knative.dev/broker.class": name });

const isReadyWithout = {
  DeadLetterSinkResolved: "True/DeadLetterSinkNotConfigured",
  EventPoliciesReady: "True/OIDCDisabled",
};
const allReady = {
  ...isReadyWithout,
  Addressable: "True",
  FilterReady: "True",
  IngressReady: "True",
  Ready: "True",
  TriggerChannelReady: "True",
};
const notYet = (text: string) => ({
  ...isReadyWithout,
  Addressable: "True",
  FilterReady: "Unknown/ServiceFailure",
  IngressReady: "Unknown/ServiceFailure",
  Ready: text,
  TriggerChannelReady: text,
});
const nowhere = (reason: string) => ({
  ...isReadyWithout,
  Addressable: "False/EmptyHostname",
  FilterReady: "Unknown/ServiceFailure",
  IngressReady: "Unknown/ServiceFailure",
  Ready: `False/${reason}`,
  TriggerChannelReady: `False/${reason}`,
});
const unreadable = {
  ...isReadyWithout,
  Addressable: "Unknown",
  FilterReady: "Unknown",
  IngressReady: "Unknown",
  Ready: "False/ChannelTemplateFailed",
  TriggerChannelReady: "False/ChannelTemplateFailed",
};
const messageOf = (text: string): object => ({
  conditions: expect.arrayContaining([expect.objectContaining({ type: "Ready", message: text })]),
});

type Row = ReconcileRow & { readonly buses: Readonly<Record<string, BusView>> };

const rows: Row[] = [
  {
    name: "a Broker that every replica serves is ready, at an address that says namespace and name",
    world: [broker("orders"), inMemory],
    buses: serving,
    key,
    wantStatus: allReady,
    wantStatusFields: {
      address: { name: "http", url },
      addresses: [{ name: "http", url }],
      annotations: { "kelvin.dev/bus": "stub" },
      observedGeneration: 1,
    },
    wantEvents: ['Normal BrokerReadinessChanged: Broker "orders" became ready'],
  },
  {
    name: "that is not served everywhere yet has its address, and waits",
    world: [broker("orders"), inMemory],
    buses: { stub: busView({}) },
    key,
    wantStatus: notYet("Unknown/MissingBrokerChannel"),
    wantStatusFields: { address: { url } },
  },
  {
    name: "that changed is not ready until the change is served",
    world: [broker("orders", withGeneration(2)), inMemory],
    buses: serving,
    key,
    wantStatus: notYet("Unknown/MissingBrokerChannel"),
    wantStatusFields: { observedGeneration: 2 },
  },
  {
    name: "whose stream failed says why",
    world: [broker("orders"), inMemory],
    buses: { stub: busView({ [uid]: served({ state: "failed", message: "no room" }) }) },
    key,
    wantStatus: notYet("False/ChannelFailure"),
    wantStatusFields: messageOf('Bus "stub" failed: no room'),
    wantEvents: ['Warning ChannelFailure: Bus "stub" failed: no room'],
  },
  {
    name: "whose configuration names another bus is served there",
    world: [broker("orders"), nats],
    buses: { ...serving, nats: busView({ [uid]: served() }) },
    key,
    wantStatus: allReady,
    wantStatusFields: {
      address: { url: "http://nats-clusterbus.knative-eventing.svc.cluster.local/default/orders" },
      annotations: { "kelvin.dev/bus": "nats" },
    },
    wantEvents: ['Normal BrokerReadinessChanged: Broker "orders" became ready'],
  },
  {
    name: "of a class that names its bus needs no configuration",
    world: [broker("orders", ofClass("NatsJetStreamBroker"), ({ spec }) => delete spec.config)],
    buses: { nats: busView({ [uid]: served() }) },
    key,
    wantStatus: allReady,
    wantEvents: ['Normal BrokerReadinessChanged: Broker "orders" became ready'],
  },
  {
    name: "whose bus is not there says which are",
    world: [broker("orders"), nats],
    buses: serving,
    key,
    wantStatus: nowhere("BusNotFound"),
    wantStatusFields: messageOf('No replica of bus "nats" is known; buses that are there: stub'),
    wantEvents: ['Warning BusNotFound: No replica of bus "nats" is known; buses that are there: stub'],
  },
  {
    name: "of a class that nobody serves says which classes there are",
    world: [broker("orders", ofClass("Rabbit"))],
    buses: serving,
    key,
    wantStatus: nowhere("BusNotFound"),
    wantEvents: [
      'Warning BusNotFound: no bus serves Brokers of class "Rabbit"; known are MTChannelBasedBroker, NatsJetStreamBroker, Kafka, googlecloud; buses that are there: stub',
    ],
  },
  {
    name: "that lost its bus keeps its address and its annotation",
    world: [broker("orders", withStatus({ annotations: { "kelvin.dev/bus": "stub" }, address: { url } })), inMemory],
    buses: {},
    key,
    wantStatus: { ...nowhere("BusNotFound"), Addressable: "Unknown" },
    wantStatusFields: { annotations: { "kelvin.dev/bus": "stub" }, address: { url } },
    wantEvents: ['Warning BusNotFound: No replica of bus "stub" is known; buses that are there: none'],
  },
  {
    name: "without its configuration says which ConfigMap is missing",
    world: [broker("orders")],
    buses: serving,
    key,
    wantStatus: unreadable,
    wantEvents: [
      'Warning ChannelTemplateFailed: ConfigMap "knative-eventing/config-br-default-channel", which spec.config names, does not exist',
    ],
  },
  {
    name: "with a template that cannot be read says which field is wrong",
    world: [broker("orders"), template("kind: 3")],
    buses: serving,
    key,
    wantStatus: unreadable,
    wantStatusFields: messageOf(
      "config-br-default-channel: channel-template-spec: apiVersion must be given, such as messaging.knative.dev/v1",
    ),
    wantEvents: [
      "Warning ChannelTemplateFailed: config-br-default-channel: channel-template-spec: apiVersion must be given, such as messaging.knative.dev/v1",
    ],
  },
  {
    name: "with a configuration of its own namespace looks at it again from time to time",
    world: [
      broker("orders", ({ spec }) => (spec.config = { ...spec.config, namespace: "default" })),
      template("apiVersion: messaging.knative.dev/v1\nkind: InMemoryChannel\n", "default"),
    ],
    buses: serving,
    key,
    wantStatus: allReady,
    wantEvents: ['Normal BrokerReadinessChanged: Broker "orders" became ready'],
    wantOutcome: requeueAfter(60_000),
  },
  {
    name: "whose configuration of its own namespace is missing looks for it soon",
    world: [broker("orders", ({ spec }) => (spec.config = { ...spec.config, namespace: "default" }))],
    buses: serving,
    key,
    wantStatus: unreadable,
    wantEvents: [
      'Warning ChannelTemplateFailed: ConfigMap "default/config-br-default-channel", which spec.config names, does not exist',
    ],
    wantOutcome: requeueAfter(5_000),
  },
  {
    name: "with a dead-letter sink says where that is",
    world: [broker("orders", withSink("sink")), inMemory, coreService("sink")],
    buses: serving,
    key,
    wantStatus: { ...allReady, DeadLetterSinkResolved: "True" },
    wantStatusFields: { deadLetterSinkUri: "http://sink.default.svc.cluster.local" },
    wantEvents: ['Normal BrokerReadinessChanged: Broker "orders" became ready'],
  },
  {
    name: "whose dead-letter sink is gone is not ready",
    world: [broker("orders", withSink("sink")), inMemory],
    buses: serving,
    key,
    wantStatus: {
      ...allReady,
      DeadLetterSinkResolved: "False/DeadLetterSinkResolveFailed",
      Ready: "False/DeadLetterSinkResolveFailed",
    },
    wantEvents: [
      "Warning DeadLetterSinkResolveFailed: spec.delivery.deadLetterSink: Service default/sink does not exist",
    ],
  },
];

function withSink(name: string) {
  const ref = { apiVersion: "v1", kind: "Service", namespace: "default", name };
  return withSpec({ delivery: { deadLetterSink: { ref } } });
}

for (const row of rows) {
  describeReconcile<Broker, BrokerDeps>(
    {
      kind: Broker,
      reconcile: reconcileBroker,
      makeDeps: ({ kube, informer }, context) => ({
        ...context,
        lookup: lookupIn(kube),
        configs: makeBrokerConfigs({
          kube,
          configMaps: informer(ConfigMap, { namespace: systemNamespace }),
          systemNamespace,
        }),
        buses: fakeBuses(row.buses).watch,
        systemNamespace,
      }),
    },
    [row],
  );
}

describe("a Broker that is being deleted", () => {
  const going = (...changes: Parameters<typeof broker>[1][]) => broker("orders", deleting("f"), ...changes);
  const onStub = withStatus({ annotations: { "kelvin.dev/bus": "stub" } });
  const onNats = withStatus({ annotations: { "kelvin.dev/bus": "nats" } });
  const finalize = async (object: Broker, buses: Readonly<Record<string, BusView>>, waitedMs = 0) => {
    const told: string[] = [];
    const recorder = {
      normal: () => undefined,
      warning: (_: object, reason: string, message: string) => void told.push(`${reason}: ${message}`),
    };
    const clock = fakeClock(new Date(Date.parse("2026-01-01T00:00:00Z") + waitedMs));
    const outcome = await finalizeBroker(object, { clock, recorder, buses: fakeBuses(buses).watch });
    return { outcome, told };
  };

  test.each<[string, Broker, Readonly<Record<string, BusView>>, number | undefined]>([
    [
      "goes once its bus has removed it",
      going(onStub),
      { stub: busView({ [uid]: served({ state: "removed" }) }) },
      undefined,
    ],
    ["waits while it is still served", going(onStub), serving, 300_000],
    ["waits for a bus that is away", going(onNats), {}, 300_000],
    ["does not wait for the bus in memory, which forgets when it ends", going(onStub), {}, undefined],
    ["goes at once when no bus ever had it", going(), { stub: busView({}) }, undefined],
    ["waits for a bus that has it though no status says so", going(), serving, 300_000],
  ])("%s", async (...[, object, buses, waitMs]) => {
    const { outcome, told } = await finalize(object, buses);
    expect([outcome, told]).toEqual([waitMs === undefined ? undefined : requeueAfter(waitMs), []]);
  });

  test("goes after five minutes without its bus, and says what may remain", async () => {
    const { outcome, told } = await finalize(going(onNats), {}, 300_000);
    expect(outcome).toBeUndefined();
    expect(told).toEqual([
      'BusNotCleaned: Bus "nats" has not confirmed in 5 minutes that Broker "default/orders" is removed; there may remain its stream, with events that wait',
    ]);
  });
});
