import { describe, expect, test } from "@jest/globals";
import { fieldErrorText } from "../../meta/field-error.ts";
import type { ObjectMeta } from "../../meta/object-meta.ts";
import { parseEventingConfig } from "../config/eventing-config.ts";
import { defaultBroker } from "./broker.defaults.ts";
import * as lifecycle from "./broker.lifecycle.ts";
import type { Broker, BrokerSpec, BrokerStatus } from "./broker.types.ts";
import { validateBroker } from "./broker.validation.ts";
import { conditionText, newTime } from "../../meta/condition-text.testing.ts";

const classKey = "eventing.knative.dev/broker.class";
const config = parseEventingConfig();
const delivery = { retry: 10, backoffPolicy: "exponential", backoffDelay: "PT0.2S" };
const channelConfig = {
  apiVersion: "v1",
  kind: "ConfigMap",
  name: "config-br-default-channel",
  namespace: "knative-eventing",
};

function broker(spec?: BrokerSpec, annotations?: ObjectMeta["annotations"]): Broker {
  return {
    metadata: { name: "b", namespace: "ns", ...(annotations === undefined ? {} : { annotations }) },
    ...(spec === undefined ? {} : { spec }),
  } as Broker;
}

function defaulted(given: Broker, old?: Broker, settings = config): Broker {
  const object = structuredClone(given);
  defaultBroker(object, { config: settings, ...(old === undefined ? {} : { old }) });
  return object;
}

describe("defaults", () => {
  test("class, configuration and delivery", () => {
    for (const given of [broker(), broker({}), broker({}, { [classKey]: "" })]) {
      expect(defaulted(given)).toEqual({
        metadata: { name: "b", namespace: "ns", annotations: { [classKey]: "MTChannelBasedBroker" } },
        spec: { config: channelConfig, delivery },
      });
    }
  });

  test("what is said stays, with the namespace of the Broker", () => {
    const sink = { deadLetterSink: { ref: { apiVersion: "v1", kind: "Service", name: "dls" } } };
    const given = broker(
      { config: { kind: "ConfigMap", name: "mine", apiVersion: "v1" }, delivery: sink },
      { [classKey]: "K" },
    );
    const { metadata, spec } = defaulted(given);
    expect(metadata.annotations).toEqual({ [classKey]: "K" });
    expect(spec.config?.namespace).toBe("ns");
    expect(spec.delivery).toEqual({ deadLetterSink: { ref: { ...sink.deadLetterSink.ref, namespace: "ns" } } });
  });

  test("twice is as once, and the defaults themselves are never handed out", () => {
    const once = defaulted(broker());
    expect(defaulted(once)).toEqual(once);
    const other = defaulted(broker());
    (other.spec.delivery ?? {}).retry = 99;
    expect(defaulted(broker()).spec.delivery?.retry).toBe(10);
  });

  test("what never changes comes from the stored object, not from new defaults", () => {
    const old = defaulted(broker());
    const settings = parseEventingConfig({
      "config-br-defaults": {
        "default-br-config": "clusterDefault:\n  brokerClass: New\n  apiVersion: v1\n  kind: ConfigMap\n  name: new\n",
      },
    });
    const update = defaulted(broker({ delivery: { retry: 1 } }), old, settings);
    expect(update.metadata.annotations).toEqual(old.metadata.annotations);
    expect(update.spec.config).toEqual(old.spec.config);
    expect(validateBroker(update, { config: settings, old })).toEqual([]);
    expect(defaulted(broker(), undefined, settings).spec).toEqual({
      config: { apiVersion: "v1", kind: "ConfigMap", name: "new", namespace: "ns" },
    });
  });

  test("an object of the wrong shape is left alone", () => {
    const wrong = broker({ delivery: "x" } as BrokerSpec);
    expect(defaulted(wrong)).toEqual(wrong);
  });
});

const wrongBrokers: [BrokerSpec, string][] = [
  [{}, ""],
  [{ config: {} }, "missing field(s): spec.config.apiVersion, spec.config.kind, spec.config.name"],
  [{ delivery: { retry: -1 } }, "invalid value: -1: spec.delivery.retry"],
  [{ delivery: { retry: "x" } } as unknown as BrokerSpec, "must be of type integer, was string: spec.delivery.retry"],
];

describe("validation", () => {
  test.each(wrongBrokers)("%j", (spec, want) => {
    expect(fieldErrorText(validateBroker(broker(spec, { [classKey]: "K" }), { config }))).toBe(want);
  });

  test("the class is needed", () => {
    expect(fieldErrorText(validateBroker(broker({}), { config }))).toBe(`missing field(s): ${classKey}`);
  });

  test("only delivery may change", () => {
    const old = defaulted(broker({}, { [classKey]: "K" }));
    const changed = (change: (object: Broker) => void): string => {
      const object = structuredClone(old);
      change(object);
      return fieldErrorText(validateBroker(object, { config, old }));
    };
    expect(changed(({ spec }) => (spec.delivery = { retry: 1 }))).toBe("");
    expect(changed(({ metadata }) => (metadata.labels = { a: "b" }))).toBe("");
    expect(changed(({ spec }) => (spec.config = { ...spec.config, name: "other" }))).toBe(
      'Immutable fields changed (-old +new): spec\nconfig.name:\n\t-: "config-br-default-channel"\n\t+: "other"\n',
    );
    expect(changed(({ metadata }) => (metadata.annotations = { [classKey]: "L" }))).toBe(
      'Immutable annotations changed (-old +new): annotations\nclass:\n\t-: "K"\n\t+: "L"\n',
    );
  });

  test("an object stored before there were defaults can be updated", () => {
    const old = broker({}, { [classKey]: "MTChannelBasedBroker" });
    expect(validateBroker(defaulted(old, old), { config, old })).toEqual([]);
  });
});

describe("conditions", () => {
  const now = newTime();
  const initialized = (): BrokerStatus => lifecycle.initializeBroker(broker({}), now);
  const rows: [(status: BrokerStatus) => void, string, string][] = [
    [
      () => undefined,
      "EventPoliciesReady",
      'True/OIDCDisabled: Feature "authentication-oidc" must be enabled to support Authorization',
    ],
    [(s) => lifecycle.markIngressReady(s, now), "IngressReady", "True"],
    [(s) => lifecycle.markIngressUnknown(s, "m", now), "IngressReady", "Unknown/ServiceFailure: m"],
    [(s) => lifecycle.markIngressFailed(s, "m", now), "IngressReady", "False/ServiceFailure: m"],
    [(s) => lifecycle.markBrokerBusNotFound(s, "m", now), "TriggerChannelReady", "False/BusNotFound: m"],
    [(s) => lifecycle.markTriggerChannelUnknown(s, "m", now), "TriggerChannelReady", "Unknown/MissingBrokerChannel: m"],
    [(s) => lifecycle.markTriggerChannelFailed(s, "m", now), "TriggerChannelReady", "False/ChannelFailure: m"],
    [(s) => lifecycle.markChannelTemplateFailed(s, "m", now), "TriggerChannelReady", "False/ChannelTemplateFailed: m"],
    [(s) => lifecycle.markFilterUnknown(s, "m", now), "FilterReady", "Unknown/ServiceFailure: m"],
    [
      (s) => lifecycle.setBrokerAddress(s, undefined, now),
      "Addressable",
      "False/EmptyHostname: hostname is the empty string",
    ],
    [
      (s) => lifecycle.brokerDeadLetterSink.notConfigured(s, now),
      "DeadLetterSinkResolved",
      "True/DeadLetterSinkNotConfigured: No dead letter sink is configured.",
    ],
    [
      (s) => lifecycle.brokerDeadLetterSink.failed(s, "m", now),
      "DeadLetterSinkResolved",
      "False/DeadLetterSinkResolveFailed: m",
    ],
  ];
  test.each(rows)("%s", (mark, type, want) => {
    const status = initialized();
    mark(status);
    expect(conditionText(status, type)).toBe(want);
    if (want.startsWith("False")) expect(conditionText(status, "Ready")).toBe(want);
    else expect(conditionText(status, "Ready")).toMatch(/^Unknown/);
  });

  test("Ready when all hold, and not any more when one does not", () => {
    const status = initialized();
    lifecycle.markIngressReady(status, now);
    lifecycle.markTriggerChannelReady(status, now);
    lifecycle.markFilterReady(status, now);
    lifecycle.setBrokerAddress(status, "http://b/ns/b", now);
    expect(conditionText(status, "Ready")).toMatch(/^Unknown/);
    lifecycle.brokerDeadLetterSink.resolved(status, { url: "http://dls", CACerts: "c" }, now);
    expect(conditionText(status, "Ready")).toBe("True");
    expect(status).toMatchObject({
      address: { name: "http", url: "http://b/ns/b" },
      addresses: [{ name: "http", url: "http://b/ns/b" }],
      deadLetterSinkUri: "http://dls",
      deadLetterSinkCACerts: "c",
    });
    lifecycle.brokerDeadLetterSink.failed(status, "gone", now);
    lifecycle.setBrokerAddress(status, undefined, now);
    expect(conditionText(status, "Ready")).toMatch(/^False/);
    for (const field of ["deadLetterSinkUri", "deadLetterSinkCACerts", "address", "addresses"]) {
      expect(status).not.toHaveProperty(field);
    }
  });
});
