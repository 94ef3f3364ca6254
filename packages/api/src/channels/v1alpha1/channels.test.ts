import { describe, expect, test } from "@jest/globals";
import { conditionText, newTime } from "../../meta/condition-text.testing.ts";
import { fieldErrorText } from "../../meta/field-error.ts";
import { resolveArguments, undeclaredText } from "./arguments.ts";
import * as buses from "./bus.lifecycle.ts";
import type { Bus, BusSpec } from "./bus.types.ts";
import { validateBus, validateClusterBus } from "./bus.validation.ts";
import * as channels from "./channel.lifecycle.ts";
import type { Channel, ChannelSpec } from "./channel.types.ts";
import { validateChannel } from "./channel.validation.ts";
import * as subscriptions from "./subscription.lifecycle.ts";
import type { Subscription, SubscriptionSpec } from "./subscription.types.ts";
import { validateSubscription } from "./subscription.validation.ts";
import { targetUrl } from "./target.ts";

const now = newTime();
const metadata = { name: "x", namespace: "ns", generation: 1 };
const cause = { reason: "R", message: "m" };

describe("a Bus", () => {
  const dispatcher = { name: "dispatcher", image: "d" };
  test.each([
    [{ dispatcher }, ""],
    [{}, "missing field(s): spec.dispatcher"],
    [{ dispatcher: { name: "d" } }, "missing field(s): spec.dispatcher.image"],
    [{ dispatcher, provisioner: {} }, "missing field(s): spec.provisioner.image"],
    [{ dispatcher, parameters: { channel: [{ name: "NumPartitions", default: "1" }] } }, ""],
    [
      { dispatcher, parameters: { subscription: [{ name: "initial offset" }] } },
      'invalid key name "initial offset": spec.parameters.subscription[0].name\n' +
        "a parameter's name has 1 to 253 letters, digits, '-', '_' and '.'",
    ],
    [
      { dispatcher, parameters: { channel: [{ name: "a" }, { name: "a" }] } },
      'duplicate parameter "a": spec.parameters.channel[1].name',
    ],
    [
      { dispatcher: { image: "d", env: [null] } },
      "invalid value: [null]: spec.dispatcher.env\nmust be a list of objects",
    ],
    [{ dispatcher: "image" }, "must be of type object, was string: spec.dispatcher"],
  ] as [BusSpec, string][])("%j", (spec, want) => {
    expect(fieldErrorText(validateBus({ metadata, spec }))).toBe(want);
    expect(fieldErrorText(validateClusterBus({ metadata: { name: "x" }, spec }))).toBe(want);
  });

  test("says which of Kelvin's buses it may be", () => {
    const bus = { metadata: { name: "x", annotations: { "kelvin.dev/bus": "rabbit" } }, spec: { dispatcher } };
    expect(fieldErrorText(validateClusterBus(bus))).toContain("must be one of stub, nats, kafka, gcppubsub");
    bus.metadata.annotations["kelvin.dev/bus"] = "kafka";
    expect(validateClusterBus(bus)).toEqual([]);
  });

  test("without an image is one of Kelvin's own", () => {
    const spec = { dispatcher: {}, provisioner: {} };
    const own = { name: "x", annotations: { "kelvin.dev/bus": "kafka" } };
    expect(fieldErrorText(validateClusterBus({ metadata: { name: "x" }, spec }))).toBe(
      "missing field(s): spec.dispatcher.image, spec.provisioner.image",
    );
    expect(validateClusterBus({ metadata: own, spec })).toEqual([]);
    expect(fieldErrorText(validateBus({ metadata: own, spec: {} }))).toBe("missing field(s): spec.dispatcher");
  });

  test("is Ready when Service, dispatcher and provisioner, if there is one, are", () => {
    const bus: Bus = { metadata, spec: { dispatcher } };
    const status = buses.initializeBus(bus, now);
    buses.markServiceable(status, "x-ns-bus", now);
    buses.markNoProvisioner(status, now);
    expect(conditionText(status, "Ready")).toBe("Unknown");
    buses.markNotDispatching(status, cause, now);
    expect(conditionText(status, "Ready")).toBe("False/R: m");
    buses.markDispatching(status, now);
    expect(conditionText(status, "Ready")).toBe("True");
    buses.markNotProvisioning(status, cause, now);
    expect(conditionText(status, "Ready")).toBe("False/R: m");
    buses.markProvisioning(status, now);
    buses.markNotServiceable(status, cause, now);
    expect([conditionText(status, "Ready"), status.service]).toEqual(["False/R: m", undefined]);
  });
});

describe("arguments", () => {
  test("take the place of defaults; what has neither is missing, and what nobody declares counts for nothing", () => {
    const declared = [{ name: "a", default: "1" }, { name: "b", default: "" }, { name: "c" }, { name: "d" }];
    const given = [{ name: "a", value: "2" }, { name: "d" }, { name: "e", value: "5" }];
    const { values, missing, undeclared } = resolveArguments(declared, given);
    expect(Object.fromEntries(values)).toEqual({ a: "2", b: "", d: "" });
    expect([missing, undeclared]).toEqual([["c"], ["e"]]);
    expect(undeclaredText(undeclared)).toBe("; the bus declares no parameter e");
    expect(undeclaredText([])).toBe("");
  });
});

describe("a Channel", () => {
  const channel = (spec: ChannelSpec): Channel => ({ metadata, spec });

  test.each([
    [{ bus: "b" }, ""],
    [{ clusterBus: "b", arguments: [{ name: "NumPartitions", value: "3" }] }, ""],
    [{}, "expected exactly one, got neither: spec.bus, spec.clusterBus"],
    [{ bus: "b", clusterBus: "c" }, "expected exactly one, got both: spec.bus, spec.clusterBus"],
    [{ bus: "b", arguments: [{ name: "" }] }, "missing field(s): spec.arguments[0].name"],
    [{ bus: "b", arguments: [{ name: "a" }, { name: "a" }] }, 'duplicate argument "a": spec.arguments[1].name'],
  ] as [ChannelSpec, string][])("%j", (spec, want) => {
    expect(fieldErrorText(validateChannel(channel(spec)))).toBe(want);
  });

  test("names its bus by a qualified name, and changes nothing but arguments", () => {
    expect(fieldErrorText(validateChannel(channel({ bus: "a b" })))).toContain("invalid value: a b: spec.bus");
    const old = channel({ bus: "b" });
    expect(validateChannel(channel({ bus: "b", arguments: [{ name: "a" }] }), { old })).toEqual([]);
    expect(fieldErrorText(validateChannel(channel({ clusterBus: "b" }), { old }))).toContain(
      "Immutable fields changed",
    );
  });

  test("is Ready when it is serviceable, routeable and provisioned", () => {
    const status = channels.initializeChannel(channel({ bus: "b" }), now);
    channels.markServiceable(status, { service: "x-channel", host: "x-channel.ns.svc.cluster.local" }, now);
    channels.markRouteable(status, now);
    channels.markProvisioning(status, "", now);
    expect(conditionText(status, "Ready")).toBe("Unknown/Provisioning");
    channels.markProvisioned(status, "", now);
    expect(conditionText(status, "Ready")).toBe("True");
    expect(status.address?.url).toBe("http://x-channel.ns.svc.cluster.local");
    channels.markNotRouteable(status, cause, now);
    expect(conditionText(status, "Ready")).toBe("False/R: m");
    channels.markRouteable(status, now);
    channels.markNotProvisioned(status, cause, now);
    expect(conditionText(status, "Ready")).toBe("False/R: m");
    channels.markNotServiceable(status, cause, now);
    expect([status.address, status.domainInternal]).toEqual([undefined, undefined]);
    expect(status.conditions?.map(({ type }) => type)).toContain("Routeable");
  });
});

describe("of a third party's bus", () => {
  const silent =
    'Unknown/Provisioning: Bus "b" is a third party\'s and has to say whether it serves this Channel; it has not yet';
  test.each([
    ["has not said anything", undefined, silent],
    ["has provisioned", ["True", "Provisioned", "done"], "True/Provisioned: done"],
    ["has failed", ["False", "NoTopic", "no"], "False/NoTopic: no"],
    ["has provisioned after arguments were missing", ["False", "MissingArguments", "a"], silent],
    ["has not said it yet", ["Unknown", "Busy", "soon"], "Unknown/Busy: soon"],
  ])("a Channel that it %s", (_what, said, want) => {
    const status = channels.initializeChannel({ metadata, spec: {} }, now);
    channels.markServiceable(status, { service: "s", host: "h" }, now);
    channels.markRouteable(status, now);
    if (said !== undefined) {
      const [value = "", reason = "", message = ""] = said;
      status.conditions = (status.conditions ?? []).map((condition) =>
        condition.type === "Provisioned" ? { ...condition, status: value as "True", reason, message } : condition,
      );
    }
    channels.keepProvisioned(status, "b", now);
    channels.keepProvisioned(status, "b", now);
    expect(conditionText(status, "Provisioned")).toBe(want);
    expect(conditionText(status, "Ready")).toBe(want.startsWith("True") ? "True" : want);
  });

  test("a Subscription keeps what the bus says, and Ready follows", () => {
    const status = subscriptions.initializeSubscription({ metadata, spec: {} }, now);
    subscriptions.keepDispatching(status, "b", now);
    expect(conditionText(status, "Ready")).toMatch(/^Unknown\/Pending: Bus "b" is a third party's/);
    const said = { type: "Dispatching", status: "True", reason: "SubscriptionSynced" } as const;
    status.conditions = [...(status.conditions ?? []).filter(({ type }) => type !== "Dispatching"), said];
    subscriptions.keepDispatching(status, "b", now);
    expect([conditionText(status, "Dispatching"), conditionText(status, "Ready")]).toEqual([
      "True/SubscriptionSynced",
      "True",
    ]);
    subscriptions.setTargets(status, { subscriber: "http://s/", reply: "http://r/" });
    subscriptions.setTargets(status, { subscriber: "http://s/", reply: undefined });
    expect([status.subscriberUri, status.replyUri]).toEqual(["http://s/", undefined]);
  });
});

describe("a Subscription", () => {
  const subscription = (spec: SubscriptionSpec): Subscription => ({ metadata, spec });

  test.each([
    [{ channel: "c", subscriber: "s" }, ""],
    [{ channel: "c", subscriber: "https://example.com/x", replyTo: "c2-channel" }, ""],
    [{}, "missing field(s): spec.channel, spec.subscriber"],
    [
      { channel: "c", subscriber: "ftp://x" },
      "invalid value: ftp://x: spec.subscriber\ngive the name of a Service, a host name, or an http or https URL",
    ],
    [
      { channel: "c", subscriber: "s", replyTo: "169.254.169.254" },
      "invalid value: 169.254.169.254: spec.replyTo\nlink-local addresses, where clouds have their metadata, take no events",
    ],
  ] as [SubscriptionSpec, string][])("%j", (spec, want) => {
    expect(fieldErrorText(validateSubscription(subscription(spec)))).toBe(want);
  });

  test("changes nothing but subscriber, replyTo and arguments", () => {
    const old = subscription({ channel: "c", subscriber: "s" });
    const changed = subscription({ channel: "c", subscriber: "t", replyTo: "r", arguments: [{ name: "a" }] });
    expect(validateSubscription(changed, { old })).toEqual([]);
    const moved = subscription({ channel: "d", subscriber: "s" });
    expect(fieldErrorText(validateSubscription(moved, { old }))).toContain("Immutable fields changed");
  });

  test("is Ready when it is dispatched", () => {
    const status = subscriptions.initializeSubscription(subscription({ channel: "c", subscriber: "s" }), now);
    subscriptions.markDispatchingUnknown(status, "wait", now);
    expect(conditionText(status, "Ready")).toBe("Unknown/Pending: wait");
    subscriptions.markNotDispatching(status, cause, now);
    expect(conditionText(status, "Ready")).toBe("False/R: m");
    subscriptions.markDispatching(status, "", now);
    expect(conditionText(status, "Ready")).toBe("True");
  });
});

test.each([
  ["s", "http://s.ns.svc.cluster.local/"],
  ["s:8080/path", "http://s.ns.svc.cluster.local:8080/path"],
  ["s.other.svc.cluster.local", "http://s.other.svc.cluster.local/"],
  ["https://example.com/a?b=c", "https://example.com/a?b=c"],
  ["file:///etc/passwd", undefined],
  ["a b", undefined],
])("the target %s is %s", (target, want) => {
  expect(targetUrl(target, "ns")?.href).toBe(want);
});
