import { describe, expect, test } from "@jest/globals";
import { conditionText, newTime } from "../../meta/condition-text.testing.ts";
import { fieldErrorText } from "../../meta/field-error.ts";
import type { ObjectMeta } from "../../meta/object-meta.ts";
import { parseEventingConfig } from "../config/eventing-config.ts";
import type { Broker } from "./broker.types.ts";
import { defaultTrigger } from "./trigger.defaults.ts";
import * as lifecycle from "./trigger.lifecycle.ts";
import type { Trigger, TriggerSpec, TriggerStatus } from "./trigger.types.ts";
import { dependencyOf, validateTrigger } from "./trigger.validation.ts";

const config = parseEventingConfig();
const subscriber = { uri: "http://x" };
const dependencyKey = "knative.dev/dependency";

function trigger(spec: TriggerSpec, annotations?: ObjectMeta["annotations"]): Trigger {
  return { metadata: { name: "t", namespace: "ns", ...(annotations === undefined ? {} : { annotations }) }, spec };
}

function errorsOf(spec: TriggerSpec, annotations?: ObjectMeta["annotations"]): string {
  return fieldErrorText(validateTrigger(trigger(spec, annotations), { config }));
}

describe("defaults", () => {
  test("filter, namespaces and the label of the Broker", () => {
    const ref = { apiVersion: "v1", kind: "Service", name: "s" };
    const object = trigger({ broker: "b", subscriber: { ref }, delivery: { deadLetterSink: { ref: { ...ref } } } });
    defaultTrigger(object);
    expect(object).toEqual({
      metadata: { name: "t", namespace: "ns", labels: { "eventing.knative.dev/broker": "b" } },
      spec: {
        broker: "b",
        filter: {},
        subscriber: { ref: { ...ref, namespace: "ns" } },
        delivery: { deadLetterSink: { ref: { ...ref, namespace: "ns" } } },
      },
    });
    const before = structuredClone(object);
    defaultTrigger(object);
    expect(object).toEqual(before);
  });

  test("a name that no label can hold is not one, and no Broker none", () => {
    for (const broker of ["b".repeat(64), ""]) {
      const object = trigger({ broker, subscriber });
      defaultTrigger(object);
      expect(object.metadata.labels).toBeUndefined();
    }
  });

  test("no spec at all is an empty one, and one of the wrong shape is left alone", () => {
    const bare = { metadata: { name: "t" } } as Trigger;
    defaultTrigger(bare);
    expect(bare.spec).toEqual({ filter: {} });
    const wrong = trigger({ subscriber: "x" } as TriggerSpec);
    defaultTrigger(wrong);
    expect(wrong).toEqual(trigger({ subscriber: "x" } as TriggerSpec));
  });
});

describe("validation of the spec", () => {
  test.each([
    [{ broker: "b", subscriber }, ""],
    [{ broker: "b", subscriber: { ref: { apiVersion: "v1", kind: "Service", name: "s", namespace: "other" } } }, ""],
    [{ subscriber }, "missing field(s): spec.broker"],
    [{ broker: "", subscriber }, "missing field(s): spec.broker"],
    [{ broker: "b" }, "expected at least one, got none: spec.subscriber.ref, spec.subscriber.uri"],
    [{ broker: "b", subscriber: {} }, "expected at least one, got none: spec.subscriber.ref, spec.subscriber.uri"],
    [
      { broker: "b", subscriber, filter: { attributes: { Type: "x" } } },
      'invalid key name "Type": spec.filter.attributes[Type]\n' +
        "Attribute name must start with a letter and can only contain lowercase alphanumeric",
    ],
    [
      { broker: "b", subscriber, filters: [{ exact: { type: "a" } }, { exact: { type: "a" }, suffix: { type: "a" } }] },
      "multiple dialects found, filters can have only one dialect set: spec.filters[1]",
    ],
    [{ broker: "b", subscriber, delivery: { retry: -1 } }, "invalid value: -1: spec.delivery.retry"],
    [
      { brokerRef: { name: "b" }, subscriber },
      "must not set the field(s): spec.brokerRef\nit needs the feature cross-namespace-event-links",
    ],
    [{ broker: 5, subscriber }, "must be of type string, was integer: spec.broker"],
  ] as [TriggerSpec, string][])("%j", (spec, want) => {
    expect(errorsOf(spec)).toBe(want);
  });

  test("a Broker of another namespace, where that is allowed", () => {
    const allowed = parseEventingConfig({ "config-features": { "cross-namespace-event-links": "enabled" } });
    const brokerRef = { apiVersion: "eventing.knative.dev/v1", kind: "Broker", name: "b", namespace: "other" };
    const text = (spec: TriggerSpec): string => fieldErrorText(validateTrigger(trigger(spec), { config: allowed }));
    expect(text({ brokerRef, subscriber })).toBe("");
    expect(text({ brokerRef, broker: "b", subscriber })).toBe(
      "expected exactly one, got both: spec.broker, spec.brokerRef",
    );
    expect(text({ brokerRef: { ...brokerRef, name: "" }, subscriber })).toBe("missing field(s): spec.brokerRef.name");
  });
});

describe("validation of annotations", () => {
  const spec = { broker: "b", subscriber };
  const path = `metadata.annotations[${dependencyKey}]`;
  const source = { apiVersion: "sources.knative.dev/v1", kind: "PingSource", name: "p" };
  test.each([
    [JSON.stringify(source), ""],
    [JSON.stringify({ ...source, namespace: "ns" }), ""],
    [
      JSON.stringify({ ...source, namespace: "other" }),
      `Namespace must be empty or equal to the trigger namespace "ns": ${path}.namespace`,
    ],
    ["{}", `missing field(s): ${path}.apiVersion, ${path}.kind, ${path}.name`],
    [
      "[]",
      `The provided annotation was not a corev1.ObjectReference: "[]": ${path}\nmust be an object of texts: kind, name, apiVersion`,
    ],
  ])("%s", (text, want) => {
    expect(errorsOf(spec, { [dependencyKey]: text })).toBe(want);
    expect(dependencyOf(trigger(spec, { [dependencyKey]: text })) === undefined).toBe(want !== "");
  });

  test("what is not JSON", () => {
    expect(errorsOf(spec, { [dependencyKey]: "x{" })).toMatch(
      /^The provided annotation was not a corev1.ObjectReference: "x\{": metadata.annotations\[knative.dev\/dependency\]\n/,
    );
    expect(dependencyOf(trigger(spec))).toBeUndefined();
    expect(dependencyOf(trigger(spec, { [dependencyKey]: JSON.stringify(source) }))).toEqual(source);
  });

  test("injection is enabled or disabled", () => {
    const key = "eventing.knative.dev/injection";
    expect(errorsOf(spec, { [key]: "enabled" })).toBe("");
    expect(errorsOf(spec, { [key]: "yes" })).toBe(
      `The provided injection annotation value can only be "enabled" or "disabled", not "yes": metadata.annotations[${key}]`,
    );
  });
});

test("only the Broker never changes", () => {
  const old = trigger({ broker: "b", subscriber, filter: {} });
  const text = (spec: TriggerSpec): string => fieldErrorText(validateTrigger(trigger(spec), { config, old }));
  expect(text({ broker: "b", subscriber: { uri: "http://y" }, filters: [{ exact: { id: "1" } }], delivery: {} })).toBe(
    "",
  );
  expect(text({ broker: "c", subscriber })).toBe(
    'Immutable fields changed (-old +new): spec.broker\nbroker:\n\t-: "b"\n\t+: "c"\n',
  );
});

describe("conditions", () => {
  const now = newTime();
  const initialized = (): TriggerStatus => lifecycle.initializeTrigger(trigger({}), now);
  const withReady = (status?: "True" | "False" | "Unknown"): Broker => ({
    metadata: { name: "b" },
    spec: {},
    ...(status === undefined ? {} : { status: { conditions: [{ type: "Ready", status, reason: "R", message: "m" }] } }),
  });
  const rows: [(status: TriggerStatus) => void, string, string][] = [
    [() => undefined, "OIDCIdentityCreated", "True/authentication-oidc feature disabled"],
    [(s) => lifecycle.propagateBroker(s, withReady("True"), now), "BrokerReady", "True"],
    [(s) => lifecycle.propagateBroker(s, withReady("False"), now), "BrokerReady", "False/R: m"],
    [(s) => lifecycle.propagateBroker(s, withReady("Unknown"), now), "BrokerReady", "Unknown/R: m"],
    [
      (s) => lifecycle.propagateBroker(s, withReady(), now),
      "BrokerReady",
      "Unknown/BrokerNotConfigured: Broker has not yet been reconciled.",
    ],
    [
      (s) => lifecycle.markBrokerDoesNotExist(s, "b", now),
      "BrokerReady",
      'False/BrokerDoesNotExist: Broker "b" does not exist',
    ],
    [(s) => lifecycle.markFailedToGetBroker(s, "m", now), "BrokerReady", "False/FailedToGetBroker: m"],
    [(s) => lifecycle.markSubscribed(s, now), "SubscriptionReady", "True"],
    [
      (s) => lifecycle.markSubscriptionUnknown(s, "m", now),
      "SubscriptionReady",
      "Unknown/SubscriptionNotConfigured: m",
    ],
    [(s) => lifecycle.markNotSubscribed(s, "m", now), "SubscriptionReady", "False/NotSubscribed: m"],
    [(s) => lifecycle.markFilterInvalid(s, "m", now), "SubscriptionReady", "False/FilterInvalid: m"],
    [(s) => lifecycle.markSubscriberNotResolved(s, "m", now), "SubscriberResolved", "False/SubscriberResolveFailed: m"],
    [
      (s) => lifecycle.markDependencyDoesNotExist(s, "PingSource p", now),
      "DependencyReady",
      "False/DependencyDoesNotExist: Dependency does not exist: PingSource p",
    ],
    [
      (s) => lifecycle.propagateDependency(s, { metadata: { generation: 2 }, status: { observedGeneration: 1 } }, now),
      "DependencyReady",
      'Unknown/GenerationNotEqual: The dependency\'s metadata.generation, "2", is not equal to its status.observedGeneration, "1".',
    ],
    [
      (s) => lifecycle.propagateDependency(s, { metadata: {} }, now),
      "DependencyReady",
      "Unknown/DependencyNotConfigured: Dependency has not yet been reconciled.",
    ],
    [(s) => lifecycle.propagateDependency(s, withReady("False"), now), "DependencyReady", "False/R: m"],
  ];
  test.each(rows)("%s", (mark, type, want) => {
    const status = initialized();
    mark(status);
    expect(conditionText(status, type)).toBe(want);
    expect(conditionText(status, "Ready")).toMatch(want.startsWith("False") ? /^False/ : /^Unknown/);
  });

  test("Ready when all hold; a subscriber that no longer resolves is forgotten", () => {
    const status = initialized();
    lifecycle.propagateBroker(status, withReady("True"), now);
    lifecycle.markSubscribed(status, now);
    lifecycle.markNoDependency(status, now);
    lifecycle.triggerDeadLetterSink.notConfigured(status, now);
    expect(conditionText(status, "Ready")).toMatch(/^Unknown/);
    lifecycle.markSubscriberResolved(status, { url: "http://s", CACerts: "c", audience: "a" }, now);
    expect(conditionText(status, "Ready")).toBe("True");
    expect(status).toMatchObject({ subscriberUri: "http://s", subscriberCACerts: "c", subscriberAudience: "a" });
    lifecycle.markSubscriberResolved(status, { url: "http://t" }, now);
    expect(status).not.toHaveProperty("subscriberCACerts");
    lifecycle.markSubscriberNotResolved(status, "gone", now);
    expect(status).not.toHaveProperty("subscriberUri");
    expect(conditionText(status, "Ready")).toBe("False/SubscriberResolveFailed: gone");
  });
});
