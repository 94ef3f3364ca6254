import { describe, expect, test } from "@jest/globals";
import type { DeliverySpec, SubscriberStatus } from "../../duck/destination.types.ts";
import { parseEventingConfig } from "../../eventing/config/eventing-config.ts";
import { conditionText, newTime } from "../../meta/condition-text.testing.ts";
import { fieldErrorText } from "../../meta/field-error.ts";
import { defaultChannel } from "./channel.defaults.ts";
import * as channels from "./channel.lifecycle.ts";
import type { Channel, ChannelSpec } from "./channel.types.ts";
import { validateChannel } from "./channel.validation.ts";
import { defaultInMemoryChannel } from "./in-memory-channel.defaults.ts";
import * as memory from "./in-memory-channel.lifecycle.ts";
import type { InMemoryChannel, InMemoryChannelSpec } from "./in-memory-channel.types.ts";
import { validateInMemoryChannel } from "./in-memory-channel.validation.ts";
import { defaultSubscription } from "./subscription.defaults.ts";
import * as subscriptions from "./subscription.lifecycle.ts";
import type { Subscription, SubscriptionSpec } from "./subscription.types.ts";
import { validateSubscription } from "./subscription.validation.ts";

const config = parseEventingConfig();
const now = newTime();
const metadata = { name: "x", namespace: "ns" };
const subscribable = { "messaging.knative.dev/subscribable": "v1" };
const channelTemplate = { apiVersion: "messaging.knative.dev/v1", kind: "InMemoryChannel" };
const service = { apiVersion: "v1", kind: "Service", name: "s" };
const delivery: DeliverySpec = { deadLetterSink: { ref: service } };
const deliveryInNamespace = { deadLetterSink: { ref: { ...service, namespace: "ns" } } };

describe("Channel", () => {
  const channel = (spec: ChannelSpec): Channel => ({
    metadata: structuredClone(metadata),
    spec: structuredClone(spec),
  });
  const defaulted = (spec: ChannelSpec, old?: Channel, settings = config): Channel => {
    const object = channel(spec);
    defaultChannel(object, { config: settings, ...(old === undefined ? {} : { old }) });
    return object;
  };

  test("has the cluster's template, the form of its subscribers, and namespaces", () => {
    const want = {
      metadata: { ...metadata, annotations: subscribable },
      spec: { channelTemplate, delivery: deliveryInNamespace },
    };
    expect(defaulted({ delivery })).toEqual(want);
    expect(defaulted(want.spec)).toEqual(want);
  });

  test("keeps its template when the default is another", () => {
    const settings = parseEventingConfig({
      "default-ch-webhook": { "default-ch-config": "clusterDefault:\n  apiVersion: a/v1\n  kind: K" },
    });
    const old = defaulted({});
    expect(defaulted({}, undefined, settings).spec.channelTemplate).toEqual({ apiVersion: "a/v1", kind: "K" });
    expect(defaulted({}, old, settings).spec).toEqual(old.spec);
    // One that was stored before there were defaults.
    expect(validateChannel(defaulted({}, channel({})), { config, old: channel({}) })).toEqual([]);
  });

  test.each([
    [{ channelTemplate }, ""],
    [{}, "missing field(s): spec.channelTemplate"],
    [{ channelTemplate: {} }, "missing field(s): spec.channelTemplate.apiVersion, spec.channelTemplate.kind"],
    [{ channelTemplate, subscribers: [{ uid: "u" }] }, "must not set the field(s): spec.subscribable.subscribers"],
    [{ channelTemplate, delivery: { retry: -1 } }, "invalid value: -1: spec.delivery.retry"],
    [{ channelTemplate: "x" }, "must be of type object, was string: spec.channelTemplate"],
  ] as [ChannelSpec, string][])("%j", (spec, want) => {
    expect(fieldErrorText(validateChannel(channel(spec), { config }))).toBe(want);
  });

  test("changes nothing of template and delivery", () => {
    const old = defaulted({ channelTemplate });
    const text = (spec: ChannelSpec): string => fieldErrorText(validateChannel(channel(spec), { config, old }));
    expect(text(old.spec)).toBe("");
    expect(text({ channelTemplate: { ...channelTemplate, kind: "K" } })).toMatch(
      /^Immutable fields changed \(-old \+new\): spec\nchannelTemplate.kind:/,
    );
    expect(text({ channelTemplate, delivery: { retry: 1 } })).toMatch(/^Immutable fields changed/);
  });

  test("stands as the channel does that was made", () => {
    const status = channels.initializeChannel(channel({}), now);
    channels.channelDeadLetterSink.notConfigured(status, now);
    expect(conditionText(status, "EventPoliciesReady")).toMatch(/^True\/OIDCDisabled/);
    channels.propagateBackingChannel(status, undefined, now);
    expect(conditionText(status, "BackingChannelReady")).toBe(
      "Unknown/BackingChannelNotConfigured: BackingChannel has not yet been reconciled.",
    );
    expect(conditionText(status, "Addressable")).toBe("False/EmptyHostname: hostname is the empty string");
    const ready = { type: "Ready", status: "True" } as const;
    const subscribers = [{ uid: "u", ready: "True" }];
    const backing = { conditions: [ready], address: { url: "http://c" }, subscribers };
    channels.propagateBackingChannel(status, backing, now);
    expect(conditionText(status, "Ready")).toBe("True");
    expect(status).toMatchObject({ address: { url: "http://c" }, subscribers });
    expect(status.subscribers).not.toBe(subscribers);
    channels.propagateBackingChannel(status, { conditions: [{ ...ready, status: "False", reason: "R" }] }, now);
    expect(conditionText(status, "BackingChannelReady")).toBe("False/R");
    expect(status).not.toHaveProperty("subscribers");
    expect(status).not.toHaveProperty("address");
    channels.markChannelBusNotFound(status, "m", now);
    expect(conditionText(status, "Ready")).toBe("False/BusNotFound: m");
    channels.markBackingChannelFailed(status, "m", now);
    expect(conditionText(status, "Ready")).toBe("False/ChannelFailure: m");
  });
});

describe("Subscription", () => {
  const subscription = (spec: SubscriptionSpec): Subscription => ({ metadata, spec: structuredClone(spec) });
  const channel = { apiVersion: "messaging.knative.dev/v1", kind: "Channel", name: "c" };
  const subscriber = { uri: "http://s" };

  test("has the namespaces of its references, but for the channel", () => {
    const object = subscription({ channel, subscriber: { ref: service }, reply: { ref: service }, delivery });
    defaultSubscription(object);
    const ref = { ...service, namespace: "ns" };
    expect(object.spec).toEqual({ channel, subscriber: { ref }, reply: { ref }, delivery: deliveryInNamespace });
  });

  test.each([
    [{ channel, subscriber }, ""],
    [{ channel, subscriber, reply: {} }, ""],
    [
      { channel, subscriber, reply: { ref: {} } },
      "missing field(s): spec.reply.ref.apiVersion, spec.reply.ref.kind, spec.reply.ref.name",
    ],
    [{ subscriber }, "missing field(s): spec.channel\nthe Subscription must reference a channel"],
    [{ channel: {}, subscriber }, "missing field(s): spec.channel\nthe Subscription must reference a channel"],
    [{ channel: { kind: "Channel" }, subscriber }, "missing field(s): spec.channel.apiVersion, spec.channel.name"],
    [
      { channel: { ...channel, namespace: "ns" }, subscriber },
      "must not set the field(s): spec.channel.namespace\nonly name, apiVersion and kind are supported fields",
    ],
    // Knative's comment says subscriber or reply; its code, and so we, say subscriber.
    [{ channel, reply: subscriber }, "missing field(s): spec.subscriber\nthe Subscription must reference a subscriber"],
    [{ channel, subscriber: {} }, "missing field(s): spec.subscriber\nthe Subscription must reference a subscriber"],
    [
      { channel, subscriber, delivery: { format: "x" } },
      "invalid value: x: spec.delivery.format\nmust be one of json, binary",
    ],
    [{ channel: 5, subscriber }, "must be of type object, was integer: spec.channel"],
  ] as [SubscriptionSpec, string][])("%j", (spec, want) => {
    expect(fieldErrorText(validateSubscription(subscription(spec), { config }))).toBe(want);
  });

  test("only the channel never changes", () => {
    const old = subscription({ channel, subscriber });
    const text = (spec: SubscriptionSpec): string =>
      fieldErrorText(validateSubscription(subscription(spec), { config, old }));
    expect(text({ channel, subscriber: { uri: "http://t" }, reply: subscriber, delivery: {} })).toBe("");
    expect(text({ channel: { ...channel, name: "d" }, subscriber })).toBe(
      'Immutable fields changed (-old +new): spec\nchannel.name:\n\t-: "c"\n\t+: "d"\n',
    );
  });

  const news = (subscriber?: SubscriberStatus) => ({ name: "x", generation: 2, subscriber });
  test.each([
    [undefined, "Unknown/SubscriptionNotMarkedReadyByChannel"],
    [{ uid: "u", ready: "True" }, "Unknown/SubscriptionNotMarkedReadyByChannel"],
    [{ uid: "u", observedGeneration: 1, ready: "True" }, "Unknown/SubscriptionNotMarkedReadyByChannel"],
    [{ uid: "u", observedGeneration: 2, ready: "True" }, "True"],
    [
      { uid: "u", observedGeneration: 2, ready: "False", message: "m" },
      "False/SubscriptionNotMarkedReadyByChannel: Subscription not marked ready by Channel: m",
    ],
    [
      { uid: "u", observedGeneration: 2, ready: "Unknown" },
      "Unknown/SubscriptionNotMarkedReadyByChannel: Subscription not marked ready by Channel: ",
    ],
  ])("the channel says %j", (subscriber, want) => {
    const status = subscriptions.initializeSubscription(subscription({}), now);
    subscriptions.propagateSubscriber(status, news(subscriber), now);
    expect(conditionText(status, "ChannelReady").startsWith(want)).toBe(true);
  });

  test("Ready when all hold", () => {
    const status = subscriptions.initializeSubscription(subscription({}), now);
    expect(conditionText(status, "OIDCIdentityCreated")).toBe("True/authentication-oidc feature disabled");
    const addresses = {
      subscriber: { url: "http://s", CACerts: "c" },
      reply: { url: "http://r", audience: "a" },
      deadLetterSink: { url: "http://d" },
    };
    subscriptions.markReferencesResolved(status, addresses, now);
    expect(status.physicalSubscription).toEqual({
      subscriberUri: "http://s",
      subscriberCACerts: "c",
      replyUri: "http://r",
      replyAudience: "a",
      deadLetterSinkUri: "http://d",
    });
    const { reply: _, ...others } = addresses;
    subscriptions.markReferenceNotResolved(status, { which: "reply", problem: "p", addresses: others }, now);
    expect(status.physicalSubscription).not.toHaveProperty("replyUri");
    expect(status.physicalSubscription).not.toHaveProperty("replyAudience");
    expect(conditionText(status, "Ready")).toBe("False/ReplyResolveFailed: Failed to resolve spec.reply: p");
    subscriptions.markReferencesResolved(status, addresses, now);
    subscriptions.markNotAddedToChannel(status, "p", now);
    expect(conditionText(status, "Ready")).toBe("False/PhysicalChannelSyncFailed: Failed to sync physical Channel: p");
    subscriptions.markAddedToChannel(status, now);
    expect(conditionText(status, "Ready")).toBe("Unknown");
    subscriptions.propagateSubscriber(status, news({ uid: "u", observedGeneration: 2, ready: "True" }), now);
    expect(conditionText(status, "Ready")).toBe("True");
  });
});

describe("InMemoryChannel", () => {
  const channel = (spec: InMemoryChannelSpec, scope?: string): InMemoryChannel => ({
    metadata: { ...metadata, ...(scope === undefined ? {} : { annotations: { "eventing.knative.dev/scope": scope } }) },
    spec: structuredClone(spec),
  });

  test("has the form of its subscribers, and namespaces", () => {
    const object = channel({ delivery });
    defaultInMemoryChannel(object);
    expect(object).toEqual({
      metadata: { ...metadata, annotations: subscribable },
      spec: { delivery: deliveryInNamespace },
    });
  });

  test.each([
    [{}, undefined, ""],
    [{}, "cluster", ""],
    [{}, "namespace", ""],
    [
      {},
      "galaxy",
      "invalid value: galaxy: metadata.annotations[eventing.knative.dev/scope]\nexpected either 'cluster' or 'namespace'",
    ],
    [{ subscribers: [{ uid: "u", replyUri: "http://r" }] }, undefined, ""],
    [
      { subscribers: [{ uid: "u", subscriberUri: "http://s" }, { uid: "v" }] },
      undefined,
      "missing field(s): spec.subscribable.subscriber[1].replyURI, spec.subscribable.subscriber[1].subscriberURI\n" +
        "expected at least one of, got none",
    ],
    [{ delivery: { retry: -1 } }, undefined, "invalid value: -1: spec.delivery.retry"],
    [{ subscribers: [{}] }, undefined, "missing field(s): spec.subscribers[0].uid"],
  ] as [InMemoryChannelSpec, string | undefined, string][])("%j %s", (spec, scope, want) => {
    expect(fieldErrorText(validateInMemoryChannel(channel(spec, scope), { config }))).toBe(want);
  });

  test("has its subscribers from the controller alone", () => {
    const old = channel({});
    const next = channel({ subscribers: [{ uid: "u", subscriberUri: "http://s" }], delivery: { retry: 1 } });
    const text = (username: string, controllerUsers?: string[]): string => {
      const users = controllerUsers === undefined ? {} : { controllerUsers };
      return fieldErrorText(validateInMemoryChannel(next, { config, old, userInfo: { username }, ...users }));
    };
    const knative = "system:serviceaccount:knative-eventing:eventing-controller";
    expect(text(knative)).toBe("");
    expect(text("ours", ["ours"])).toBe("");
    expect(text(knative, ["ours"])).toMatch(/^Channel.Spec.Subscribers changed by user/);
    expect(text("ada")).toMatch(
      `Channel.Spec.Subscribers changed by user ada which was not the ${knative} service account: spec.subscribers\n`,
    );
    expect(validateInMemoryChannel(channel({ delivery: { retry: 1 } }), { config, old })).toEqual([]);
  });

  test("Ready when all hold", () => {
    const status = memory.initializeInMemoryChannel(channel({}), now);
    memory.inMemoryChannelDeadLetterSink.notConfigured(status, now);
    memory.setInMemoryChannelAddress(status, "http://c", now);
    memory.markDispatcherUnknown(status, "m", now);
    expect(conditionText(status, "Ready")).toBe("Unknown/DispatcherDeploymentUnknown: m");
    memory.markDispatcherFailed(status, "m", now);
    for (const type of ["Ready", "DispatcherReady", "ServiceReady", "EndpointsReady"]) {
      expect(conditionText(status, type)).toBe("False/DispatcherDeploymentFalse: m");
    }
    memory.markDispatcherReady(status, now);
    memory.markChannelServiceFailed(status, "m", now);
    expect(conditionText(status, "Ready")).toBe("False/ChannelServiceFailed: m");
    memory.markChannelServiceReady(status, now);
    expect(conditionText(status, "Ready")).toBe("True");
    memory.setInMemoryChannelAddress(status, undefined, now);
    expect(conditionText(status, "Ready")).toBe("False/EmptyHostname: hostname is the empty string");
  });
});
