import { describe, expect, test } from "@jest/globals";
import type { KubeObject } from "@kelvin/api";
import { parseEventingConfig } from "@kelvin/api/eventing/config";
import { Bus, Channel as BusChannel, ClusterBus, Subscription as BusSubscription } from "@kelvin/api/channels/v1alpha1";
import { Broker, Trigger } from "@kelvin/api/eventing/v1";
import { EventType } from "@kelvin/api/eventing/v1beta3";
import { Channel, InMemoryChannel, Subscription } from "@kelvin/api/messaging/v1";
import type { AdmissionRequest } from "@kelvin/controller";
import type { Kind } from "@kelvin/kube";
import { configMap, deleting } from "@kelvin/testkit";
import { makeWebhooks } from "./webhooks.ts";

const config = parseEventingConfig({
  "config-br-defaults": {
    "default-br-config": JSON.stringify({
      clusterDefault: { brokerClass: "NatsJetStreamBroker", delivery: { retry: 3 } },
    }),
  },
});
const [defaulting, validation, configValidation] = makeWebhooks(() => config, "knative-eventing");

function object<T extends KubeObject>(kind: Kind<T>, spec: object, apiVersion?: string): KubeObject {
  const metadata = { name: "it", namespace: "default" };
  return { apiVersion: apiVersion ?? `${kind.group}/${kind.version}`, kind: kind.kind, metadata, spec } as KubeObject;
}

function request(given: KubeObject, more: Partial<AdmissionRequest> = {}): AdmissionRequest {
  const [group = "", version = ""] = (given.apiVersion ?? "").split("/");
  const kind = { group, version, kind: given.kind ?? "" };
  return { uid: "1", operation: "CREATE", kind, userInfo: { username: "anna" }, object: given, dryRun: false, ...more };
}

const fill = async (given: KubeObject, more: Partial<AdmissionRequest> = {}): Promise<KubeObject> =>
  (await defaulting?.mutate?.(structuredClone(given), request(given, more))) as KubeObject;

/** Fills in and validates, as the API server has it done. */
async function denied(given: KubeObject, more: Partial<AdmissionRequest> = {}): Promise<string | undefined> {
  const filled = await fill(given, more);
  const verdict = await validation?.validate?.(filled, request(filled, more));
  return typeof verdict === "string" ? verdict : verdict?.denied;
}

const toSink = { ref: { apiVersion: "v1", kind: "Service", name: "sink" } };
const ofChannel = { apiVersion: "messaging.knative.dev/v1", kind: "Channel", name: "c" };

describe("defaults", () => {
  test("come from the settings of the moment", async () => {
    expect(await fill(object(Broker, {}))).toMatchObject({
      metadata: { annotations: { "eventing.knative.dev/broker.class": "NatsJetStreamBroker" } },
      spec: { delivery: { retry: 3 } },
    });
    expect(await fill(object(Channel, {}))).toMatchObject({
      spec: { channelTemplate: { apiVersion: "messaging.knative.dev/v1", kind: "InMemoryChannel" } },
    });
  });

  test("put a namespace into references", async () => {
    const filled = await fill(object(Subscription, { channel: ofChannel, subscriber: toSink }));
    expect(filled).toMatchObject({ spec: { subscriber: { ref: { namespace: "default" } } } });
  });

  test.each([
    ["v1beta2", { type: "made", source: "/here" }],
    ["v1beta3", { attributes: [{ name: "type", value: "made", required: true }] }],
  ])("of an EventType go by the version that it is written in: %s", async (version, spec) => {
    const filled = await fill(object(EventType, spec, `eventing.knative.dev/${version}`));
    expect(filled).toMatchObject({
      spec: { type: "made", attributes: expect.arrayContaining([expect.objectContaining({ value: "made" })]) },
    });
  });

  test("leave a template be when a new default comes and an update does not say it", async () => {
    const stored = object(Channel, { channelTemplate: { apiVersion: "other/v1", kind: "OtherChannel" } });
    const update = { operation: "UPDATE", oldObject: stored } as const;
    expect(await fill(object(Channel, {}), update)).toMatchObject({
      spec: { channelTemplate: { kind: "OtherChannel" } },
    });
    expect(await denied(object(Channel, {}), update)).toBeUndefined();
  });
});

describe("validation", () => {
  test.each<[string, KubeObject, string]>([
    ["a Subscription of nothing", object(Subscription, { subscriber: toSink }), "missing field(s): spec.channel"],
    ["a Trigger of no Broker", object(Trigger, { subscriber: toSink }), "missing field(s): spec.broker"],
    [
      "a filter that cannot be compiled",
      object(Trigger, { broker: "b", subscriber: toSink, filters: [{ exact: { type: "" } }] }),
      "exact",
    ],
    ["a ClusterBus without a dispatcher", object(ClusterBus, {}), "missing field(s): spec.dispatcher"],
    [
      "a Bus with a parameter of an illegal name (§1.3)",
      object(Bus, { dispatcher: { image: "x" }, parameters: { channel: [{ name: "a b" }] } }),
      'invalid key name "a b": spec.parameters.channel[0].name',
    ],
    [
      "a Channel of both kinds of bus (§1.4)",
      object(BusChannel, { bus: "a", clusterBus: "b" }),
      "expected exactly one",
    ],
    ["a Channel of no bus (§1.4)", object(BusChannel, {}), "expected exactly one"],
    [
      "a Subscription of no Channel (§1.5)",
      object(BusSubscription, { subscriber: "s" }),
      "missing field(s): spec.channel",
    ],
    ["a Channel whose subscribers a user gives", object(Channel, { subscribers: [{ uid: "1" }] }), "subscribers"],
  ])("refuses %s in Knative's words", async (_what, given, words) => {
    const message = (await denied(given)) ?? "";
    expect(message).toMatch(/^validation failed: /);
    expect(message).toContain(words);
  });

  test.each<[string, KubeObject, object, string | undefined]>([
    ["a Channel's bus (§1.4)", object(BusChannel, { bus: "a" }), { bus: "b" }, "Immutable fields changed"],
    [
      "a Channel's arguments (§1.4)",
      object(BusChannel, { bus: "a" }),
      { bus: "a", arguments: [{ name: "n" }] },
      undefined,
    ],
    [
      "a Subscription's channel (§1.5)",
      object(BusSubscription, { channel: "c", subscriber: "s" }),
      { channel: "d", subscriber: "s" },
      "Immutable fields changed",
    ],
    [
      "a Subscription's subscriber, replyTo and arguments (§1.5)",
      object(BusSubscription, { channel: "c", subscriber: "s" }),
      { channel: "c", subscriber: "t", replyTo: "r", arguments: [{ name: "n" }] },
      undefined,
    ],
  ])("of a change of %s", async (...[, stored, spec, words]) => {
    const answer = await denied({ ...stored, spec } as KubeObject, { operation: "UPDATE", oldObject: stored });
    if (words === undefined) expect(answer).toBeUndefined();
    else expect(answer).toContain(words);
  });

  test("lets nobody but this controller change who gets a channel's events", async () => {
    const stored = object(InMemoryChannel, {});
    const changed = object(InMemoryChannel, { subscribers: [{ uid: "1", subscriberUri: "http://x.example.com" }] });
    const update = { operation: "UPDATE", oldObject: stored } as const;
    expect(await denied(changed, update)).toMatch(/changed by user anna/);
    const username = "system:serviceaccount:knative-eventing:eventing-controller";
    expect(await denied(changed, { ...update, userInfo: { username } })).toBeUndefined();
  });

  test("lets through what is being deleted, statuses, and kinds that are not ours", async () => {
    const wrong = object(Subscription, {});
    expect(await denied({ ...wrong, metadata: going() })).toBeUndefined();
    expect(await denied(wrong, { subResource: "status" })).toBeUndefined();
    expect(await denied(object({ ...Subscription, group: "example.com" }, {}))).toBeUndefined();
  });
});

function going(): KubeObject["metadata"] {
  const holder: KubeObject = { metadata: { name: "it", namespace: "default" } };
  deleting("subscriptions.messaging.knative.dev")(holder);
  return holder.metadata;
}

test.each([
  ["config-features", { "delivery-timeout": "enabled" }, undefined],
  ["config-features", { "authentication-oidc": "enabled" }, "config-features: authentication-oidc: "],
  ["config-br-defaults", { "default-br-config": "clusterDefaults: {}" }, "config-br-defaults: default-br-config: "],
  ["config-br-default-channel", { "channel-template-spec": "kind: X" }, "channel-template-spec: apiVersion"],
  ["default-ch-webhook", { "default-ch-config": "clusterDefault: 3" }, "default-ch-webhook: default-ch-config: "],
  ["config-other", { "delivery-timeout": "perhaps" }, undefined],
])("settings %s %j", async (name, entries, words) => {
  const given = configMap(name, entries as Record<string, string>);
  const refusal = await configValidation?.validate?.(given, request(given));
  if (words === undefined) expect(refusal).toBeUndefined();
  else expect(refusal).toContain(words);
});
