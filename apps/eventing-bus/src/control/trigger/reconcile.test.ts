import { describe, expect, test } from "@jest/globals";
import { Broker, Trigger } from "@kelvin/api/eventing/v1";
import { requeueAfter } from "@kelvin/controller";
import { UnavailableError, type KubeObject } from "@kelvin/kube";
import {
  coreService,
  deleting,
  describeReconcile,
  fakeClock,
  openFakeKube,
  withAnnotations,
  withConditions,
  withGeneration,
  withSpec,
  withStatus,
  type Change,
  type ReconcileRow,
} from "@kelvin/testkit";
import { broker, trigger } from "../../../test/eventing-builders.ts";
import { busView, fakeBuses, served } from "../../../test/fake-buses.ts";
import { lookupIn } from "../../../test/world-lookup.ts";
import type { BusView, ServedView } from "../bus-watch/bus-watch.ts";
import { makeDeadLetterCounts } from "../dead-letter-count.ts";
import { makeDepartures } from "../departures.ts";
import type { Lookup } from "../destination/destinations.ts";
import { finalizeTrigger, reconcileTrigger, type TriggerDeps } from "./reconcile.ts";

const uid = "uid-trigger-t";
const key = "default/t";
const onStub = withStatus({ annotations: { "kelvin.dev/bus": "stub" } });
const readyBroker = broker("default", withConditions({ Ready: "True" }), onStub);
const serving = (changes: Partial<ServedView> = {}) => ({
  stub: busView({ [uid]: served({ since: "s-1", ...changes }) }),
});
const sinkRef = (name: string, kind = "Service", apiVersion = "v1") => ({
  ref: { apiVersion, kind, namespace: "default", name },
});
const dependsOn = (name: string) =>
  withAnnotations({
    "knative.dev/dependency": JSON.stringify({ apiVersion: "sources.knative.dev/v1", kind: "PingSource", name }),
  });
const pingSource = (...changes: Change[]): KubeObject => {
  const object: KubeObject = {
    apiVersion: "sources.knative.dev/v1",
    kind: "PingSource",
    metadata: { name: "ping", namespace: "default", generation: 1 },
  };
  for (const change of changes) change(object);
  return object;
};

const allReady = {
  BrokerReady: "True",
  DeadLetterSinkResolved: "True/DeadLetterSinkNotConfigured",
  DependencyReady: "True",
  OIDCIdentityCreated: "True/authentication-oidc feature disabled",
  Ready: "True",
  SubscriberResolved: "True",
  SubscriptionReady: "True",
};
const but = (type: keyof typeof allReady, text: string) => ({ ...allReady, [type]: text, Ready: text });
const becameReady = ['Normal TriggerReadinessChanged: Trigger "t" became ready'];

type Row = Omit<ReconcileRow, "key"> & { readonly buses?: Readonly<Record<string, BusView>> };

const rows: Row[] = [
  {
    name: "a Trigger that every replica serves is ready, and says where it begins",
    world: [trigger("t"), readyBroker],
    wantStatus: allReady,
    wantStatusFields: {
      subscriberUri: "http://sink.example/",
      annotations: { "kelvin.dev/bus": "stub", "kelvin.dev/since": "s-1" },
      observedGeneration: 1,
    },
    wantEvents: becameReady,
  },
  {
    name: "may come before its Broker, and resolves its subscriber already",
    world: [trigger("t", withSpec({ subscriber: sinkRef("sink") })), coreService("sink")],
    wantStatus: {
      ...but("BrokerReady", "False/BrokerDoesNotExist"),
      SubscriptionReady: "Unknown/SubscriptionNotConfigured",
    },
    wantStatusFields: { subscriberUri: "http://sink.default.svc.cluster.local" },
    wantEvents: ['Warning BrokerDoesNotExist: Broker "default" does not exist'],
  },
  {
    name: "is not ready while its Broker was never looked at",
    world: [trigger("t"), broker("default")],
    wantStatus: {
      ...but("BrokerReady", "Unknown/BrokerNotConfigured"),
      SubscriptionReady: "Unknown/SubscriptionNotConfigured",
    },
  },
  {
    name: "repeats why its Broker is not ready",
    world: [trigger("t"), broker("default", withConditions({ Ready: "False/BusNotFound" }))],
    wantStatus: {
      ...but("BrokerReady", "False/BusNotFound"),
      SubscriptionReady: "Unknown/SubscriptionNotConfigured",
    },
    wantEvents: ["Warning BusNotFound: "],
  },
  {
    name: "is not ready when its Broker is going",
    world: [trigger("t"), broker("default", withConditions({ Ready: "True" }), onStub, deleting("f"))],
    wantStatus: but("BrokerReady", "False/FailedToGetBroker"),
    wantEvents: ['Warning FailedToGetBroker: Broker "default" is being deleted'],
  },
  {
    name: "of a Broker of another namespace is not served",
    world: [
      trigger("t", ({ spec }) => {
        delete spec.broker;
        spec.brokerRef = { apiVersion: "eventing.knative.dev/v1", kind: "Broker", namespace: "other", name: "default" };
      }),
      readyBroker,
    ],
    wantStatus: {
      ...but("BrokerReady", "False/FailedToGetBroker"),
      SubscriptionReady: "Unknown/SubscriptionNotConfigured",
    },
    wantEvents: [
      "Warning FailedToGetBroker: spec.brokerRef: must name a Broker of the Trigger's own namespace; those of others are not served",
    ],
  },
  {
    name: "waits for every replica",
    world: [trigger("t"), readyBroker],
    buses: { stub: busView({}, { silent: ["stub-1"] }) },
    wantStatus: but("SubscriptionReady", "Unknown/SubscriptionNotConfigured"),
    wantStatusFields: messageOf(
      'Not every replica of bus "stub" serves this generation yet; these do not answer: stub-1',
    ),
  },
  {
    name: "that changed is resolved anew at once, and ready when the change is served",
    world: [
      trigger(
        "t",
        withConditions({ Ready: "True" }),
        withGeneration(2),
        withSpec({ subscriber: { uri: "http://new/" } }),
      ),
      readyBroker,
    ],
    wantStatus: but("SubscriptionReady", "Unknown/SubscriptionNotConfigured"),
    wantStatusFields: { subscriberUri: "http://new/", observedGeneration: 2 },
  },
  {
    name: "waits for the bus to say where it begins",
    world: [trigger("t"), readyBroker],
    buses: serving({ since: null }),
    wantStatus: but("SubscriptionReady", "Unknown/SubscriptionNotConfigured"),
  },
  {
    name: "begins for ever where it began",
    world: [trigger("t", withStatus({ annotations: { "kelvin.dev/since": "s-0" } })), readyBroker],
    wantStatus: allReady,
    wantStatusFields: { annotations: { "kelvin.dev/since": "s-0" } },
    wantEvents: becameReady,
  },
  {
    name: "that its bus cannot serve says why",
    world: [trigger("t"), readyBroker],
    buses: serving({ state: "failed", message: "no room" }),
    wantStatus: but("SubscriptionReady", "False/NotSubscribed"),
    wantEvents: ['Warning NotSubscribed: Bus "stub" failed: no room'],
  },
  {
    name: "whose subscriber is not there has no address any more",
    world: [
      trigger("t", withSpec({ subscriber: sinkRef("sink") }), withStatus({ subscriberUri: "http://old/" })),
      readyBroker,
    ],
    wantStatus: but("SubscriberResolved", "False/SubscriberResolveFailed"),
    wantStatusFields: messageOf("spec.subscriber: Service default/sink does not exist"),
    wantEvents: ["Warning SubscriberResolveFailed: spec.subscriber: Service default/sink does not exist"],
  },
  {
    name: "whose subscriber is of a forbidden kind says so",
    world: [trigger("t", withSpec({ subscriber: sinkRef("sink", "Secret") })), readyBroker],
    wantStatus: but("SubscriberResolved", "False/SubscriberResolveFailed"),
    wantEvents: ["Warning SubscriberResolveFailed: spec.subscriber: secrets may not be read"],
  },
  {
    name: "with a filter that cannot be compiled gets nothing, and says why",
    world: [trigger("t", withSpec({ filters: [{ cesql: "true" }] })), readyBroker],
    wantStatus: but("SubscriptionReady", "False/FilterInvalid"),
    wantStatusFields: { annotations: { "kelvin.dev/since": "s-1" } },
    wantEvents: [
      "Warning FilterInvalid: must not set the field(s): spec.filters[0].cesql\nCloudEvents SQL is not served; say it with exact, prefix, suffix, all, any and not",
    ],
  },
  {
    name: "with a limit that is none says what is allowed",
    world: [trigger("t", withAnnotations({ "kelvin.dev/max-in-flight": "many" })), readyBroker],
    wantStatus: but("SubscriptionReady", "False/NotSubscribed"),
    wantEvents: [
      'Warning NotSubscribed: metadata.annotations: kelvin.dev/max-in-flight: must be a whole number from 1 to 10000, was "many"',
    ],
  },
  {
    name: "without a delivery has its Broker's dead-letter sink",
    world: [
      trigger("t"),
      broker(
        "default",
        withConditions({ Ready: "True" }),
        onStub,
        withSpec({ delivery: { deadLetterSink: { uri: "http://dead/" } } }),
      ),
    ],
    wantStatus: { ...allReady, DeadLetterSinkResolved: "True" },
    wantStatusFields: { deadLetterSinkUri: "http://dead/" },
    wantEvents: becameReady,
  },
  {
    name: "with a delivery has nothing of its Broker's",
    world: [
      trigger("t", withSpec({ delivery: { retry: 1 } })),
      broker(
        "default",
        withConditions({ Ready: "True" }),
        onStub,
        withSpec({ delivery: { deadLetterSink: { uri: "http://dead/" } } }),
      ),
    ],
    wantStatus: allReady,
    wantEvents: becameReady,
  },
  {
    name: "says how many dead letters there are",
    world: [trigger("t"), readyBroker],
    buses: serving({ deadLetters: 3 }),
    wantStatus: allReady,
    wantStatusFields: { annotations: { "kelvin.dev/dead-letters": "3", "kelvin.dev/since": "s-1" } },
    wantEvents: becameReady,
  },
  ...(
    [
      ["is not there", [], "False/DependencyDoesNotExist", "Dependency does not exist: PingSource default/ping"],
      ["is not ready", [pingSource(withConditions({ Ready: "False/NoSink" }))], "False/NoSink", ""],
      ["is not ready yet", [pingSource(withConditions({ Ready: "Unknown/Waiting" }))], "Unknown/Waiting", undefined],
      [
        "was never looked at",
        [pingSource(withStatus({ observedGeneration: 1 }))],
        "Unknown/DependencyNotConfigured",
        undefined,
      ],
      [
        "changed",
        [pingSource(withConditions({ Ready: "True" }), withGeneration(2))],
        "Unknown/GenerationNotEqual",
        undefined,
      ],
    ] as const
  ).map(([what, objects, text, message]): Row => ({
    name: `that depends on what ${what} is not ready`,
    world: [trigger("t", dependsOn("ping")), readyBroker, ...objects],
    wantStatus: but("DependencyReady", text),
    wantEvents: message === undefined ? [] : [`Warning ${text.split("/")[1] ?? ""}: ${message}`],
  })),
  {
    name: "that depends on what is ready is ready",
    world: [trigger("t", dependsOn("ping")), readyBroker, pingSource(withConditions({ Ready: "True" }))],
    wantStatus: allReady,
    wantEvents: becameReady,
  },
];

function messageOf(text: string): object {
  return { conditions: expect.arrayContaining([expect.objectContaining({ type: "Ready", message: text })]) as unknown };
}

for (const { buses = serving(), ...row } of rows) {
  describeReconcile<Trigger, TriggerDeps>(
    {
      kind: Trigger,
      reconcile: reconcileTrigger,
      makeDeps: ({ kube, informer, clock }, context) => ({
        ...context,
        lookup: lookupIn(kube),
        brokers: informer(Broker),
        buses: fakeBuses(buses).watch,
        deadLetters: makeDeadLetterCounts(clock),
      }),
    },
    [{ ...row, key }],
  );
}

test("the address of a subscriber that is gone is forgotten, and that of another takes its place", async () => {
  const object = trigger("t", withSpec({ subscriber: sinkRef("sink") }), withStatus({ subscriberUri: "http://old/" }));
  const kube = openFakeKube();
  const deps: TriggerDeps = {
    clock: fakeClock(),
    recorder: { normal: () => undefined, warning: () => undefined },
    lookup: lookupIn(kube),
    brokers: { get: () => undefined, list: () => [], byIndex: () => [] },
    buses: fakeBuses().watch,
    deadLetters: makeDeadLetterCounts(fakeClock()),
  };
  await reconcileTrigger(object, deps);
  expect(object.status).not.toHaveProperty("subscriberUri");
  kube.put(coreService("sink"));
  await reconcileTrigger(object, deps);
  expect(object.status?.subscriberUri).toBe("http://sink.default.svc.cluster.local");
});

describe("a Trigger that is being deleted", () => {
  const wasServed = withStatus({ annotations: { "kelvin.dev/bus": "nats" } });
  const going = (...changes: Change<Trigger>[]): Trigger => trigger("t", deleting("f"), ...changes);
  type Case = { object: Trigger; of?: Broker; buses: Readonly<Record<string, BusView>> };

  const onNats = (changes: Partial<ServedView> = {}) => ({ nats: busView({ [uid]: served(changes) }) });
  const finalize = async ({ object, of, buses }: Case, departures = makeDepartures()) => {
    const told: string[] = [];
    const outcome = await finalizeTrigger(object, {
      clock: fakeClock(),
      recorder: {
        normal: (_, reason, message) => void told.push(`${reason}: ${message}`),
        warning: (_, reason, message) => void told.push(`Warning ${reason}: ${message}`),
      },
      brokers: { get: () => of, list: () => [], byIndex: () => [] },
      buses: fakeBuses(buses).watch,
      deadLetters: makeDeadLetterCounts(fakeClock()),
      departures,
    });
    return { outcome, told };
  };

  test.each<[string, Case, number | undefined]>([
    [
      "goes once its bus has removed it",
      { object: going(wasServed), of: readyBroker, buses: onNats({ state: "removed" }) },
      undefined,
    ],
    ["waits while it is still served", { object: going(wasServed), of: readyBroker, buses: onNats() }, 300_000],
    ["waits for a bus that is away", { object: going(wasServed), of: readyBroker, buses: {} }, 300_000],
    ["goes at once without its Broker: there is no stream", { object: going(wasServed), buses: onNats() }, undefined],
    [
      "goes at once when its Broker is going",
      { object: going(wasServed), of: broker("default", deleting("f")), buses: onNats() },
      undefined,
    ],
    [
      "goes at once when no bus ever had it",
      { object: going(), of: readyBroker, buses: { nats: busView({}) } },
      undefined,
    ],
    [
      "waits for a bus that has it though no status says so",
      { object: going(), of: readyBroker, buses: onNats() },
      300_000,
    ],
  ])("%s", async (...[, given, waitMs]) => {
    expect(await finalize(given)).toEqual({
      outcome: waitMs === undefined ? undefined : requeueAfter(waitMs),
      told: [],
    });
  });

  test("says what went with it", async () => {
    const departures = makeDepartures();
    const object = going(wasServed);
    await finalize({ object, of: readyBroker, buses: onNats({ backlog: 3, deadLetters: 1 }) }, departures);
    const { told } = await finalize({ object, of: readyBroker, buses: onNats({ state: "removed" }) }, departures);
    expect(told).toEqual([
      'TriggerRemoved: Trigger "t" was removed; with it went 3 events that waited and 1 dead letters',
    ]);
  });
});

test("what cannot be looked up for now leaves an address as it is, but not the one of an older spec", async () => {
  const away: Lookup = {
    resolve: () => Promise.reject(new UnavailableError("away")),
    find: () => Promise.reject(new UnavailableError("away")),
  };
  const uriAfter = async (observedGeneration: number): Promise<string | undefined> => {
    const object = trigger("t", withGeneration(2), withStatus({ subscriberUri: "http://old/", observedGeneration }));
    const deps: TriggerDeps = {
      clock: fakeClock(),
      recorder: { normal: () => undefined, warning: () => undefined },
      lookup: away,
      brokers: { get: () => undefined, list: () => [], byIndex: () => [] },
      buses: fakeBuses().watch,
      deadLetters: makeDeadLetterCounts(fakeClock()),
    };
    await expect(reconcileTrigger(object, deps)).rejects.toThrow(UnavailableError);
    return object.status?.subscriberUri;
  };
  expect([await uriAfter(2), await uriAfter(1)]).toEqual(["http://old/", undefined]);
});
