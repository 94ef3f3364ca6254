import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { parse, parseAllDocuments } from "yaml";
import {
  brokerClassFor,
  brokerSettingsFor,
  channelTemplateFor,
  ConfigError,
  eventingConfigParsers,
  parseBrokerChannelConfig,
  parseBrokerDefaultsConfig,
  parseChannelDefaultsConfig,
  parseEventingConfig,
  parseEventingFeatures,
  type ConfigData,
  type EventingConfigMap,
} from "./index.ts";

const imc = { apiVersion: "messaging.knative.dev/v1", kind: "InMemoryChannel" };
const knativeDefaults = {
  brokerClass: "MTChannelBasedBroker",
  config: { apiVersion: "v1", kind: "ConfigMap", name: "config-br-default-channel", namespace: "knative-eventing" },
  delivery: { retry: 10, backoffPolicy: "exponential", backoffDelay: "PT0.2S" },
  classes: {},
};

test("without any ConfigMap Knative's defaults hold", () => {
  const config = parseEventingConfig();
  expect(config).toEqual({
    features: {
      kreferenceGroup: "Disabled",
      kreferenceMapping: "Disabled",
      deliveryRetryAfter: "Disabled",
      deliveryTimeout: "Enabled",
      newApiServerSourceFilters: "Disabled",
      eventTypeAutoCreate: "Disabled",
      crossNamespaceEventLinks: "Disabled",
      transportEncryption: "Disabled",
      authenticationOIDC: "Disabled",
      defaultAuthorizationMode: "Allow-Same-Namespace",
      requestReplyDefaultTimeoutMs: 30_000,
    },
    brokerDefaults: { cluster: knativeDefaults, namespaces: {} },
    brokerChannel: imc,
    channelDefaults: { cluster: imc, namespaces: {} },
    dispatcher: { idleConnectionsMax: 1_000, idleConnectionsPerHostMax: 100 },
  });
  const empty = Object.fromEntries(Object.keys(eventingConfigParsers).map((name) => [name, { _example: "x: {" }]));
  expect(parseEventingConfig(empty)).toEqual(config);
});

// As Knative ships it.
const shipped = `clusterDefault:
  brokerClass: MTChannelBasedBroker
  apiVersion: v1
  kind: ConfigMap
  name: config-br-default-channel
  namespace: knative-eventing
  delivery:
    retry: 10
    backoffPolicy: exponential
    backoffDelay: PT0.2S
`;

describe("config-br-defaults", () => {
  const parse = (yaml: string) => parseBrokerDefaultsConfig({ "default-br-config": yaml });

  test("as shipped is as the defaults are", () => {
    expect(parse(shipped)).toEqual({ cluster: knativeDefaults, namespaces: {} });
  });

  const config = parse(`${shipped}  brokerClasses:
    Kafka:
      apiVersion: v1
      kind: ConfigMap
      name: kafka
namespaceDefaults:
  shop:
    brokerClass: Kafka
    name: "007"
  bare: {}
`);

  test.each([
    ["default", "MTChannelBasedBroker"],
    ["shop", "Kafka"],
    ["bare", "MTChannelBasedBroker"],
    // A namespace's name may be one that every JavaScript object has.
    ["constructor", "MTChannelBasedBroker"],
  ])("the class in %s is %s", (namespace, want) => {
    expect(brokerClassFor(config, namespace)).toBe(want);
  });

  test.each([
    ["default", "MTChannelBasedBroker", [knativeDefaults.config, knativeDefaults.delivery]],
    ["default", "Kafka", [{ apiVersion: "v1", kind: "ConfigMap", name: "kafka" }, undefined]],
    ["default", "constructor", [knativeDefaults.config, knativeDefaults.delivery]],
    ["constructor", "Other", [knativeDefaults.config, knativeDefaults.delivery]],
    // As a whole, not field by field.
    ["shop", "Kafka", [{ name: "007" }, undefined]],
    ["bare", "MTChannelBasedBroker", [undefined, undefined]],
  ])("the settings in %s of class %s", (namespace, brokerClass, want) => {
    const settings = brokerSettingsFor(config, { namespace, brokerClass });
    expect([settings.config, settings.delivery]).toEqual(want);
  });
});

test("default-ch-webhook: namespaces before the cluster", () => {
  const config = parseChannelDefaultsConfig({
    "default-ch-config": `clusterDefault:
  apiVersion: messaging.knative.dev/v1
  kind: InMemoryChannel
namespaceDefaults:
  shop:
    apiVersion: messaging.knative.dev/v1beta1
    kind: KafkaChannel
    spec:
      numPartitions: 3
      name: "3"
`,
  });
  expect(channelTemplateFor(config, "default")).toEqual(imc);
  expect(channelTemplateFor(config, "constructor")).toEqual(imc);
  expect(channelTemplateFor(config, "shop")).toEqual({
    apiVersion: "messaging.knative.dev/v1beta1",
    kind: "KafkaChannel",
    spec: { numPartitions: 3, name: "3" },
  });
});

test.each([
  [{ "channel-template-spec": "apiVersion: a/v1\nkind: K\n" }, { apiVersion: "a/v1", kind: "K" }],
  [
    { "channel-template-spec": '{"apiVersion":"a/v1","kind":"K","spec":{"list":[1,{"a":true}]}}' },
    { apiVersion: "a/v1", kind: "K", spec: { list: [1, { a: true }] } },
  ],
  [{ "channel-template-spec": "" }, imc],
] as [ConfigData, object][])("the channel of a Broker by %j", (content, want) => {
  expect(parseBrokerChannelConfig(content)).toEqual(want);
});

describe("config-features", () => {
  test("words in any case", () => {
    const features = parseEventingFeatures({ "delivery-retryafter": "ENABLED", "kreference-group": "allowed" });
    expect(features).toMatchObject({ deliveryRetryAfter: "Enabled", kreferenceGroup: "Allowed" });
  });
});

describe("what is wrong is said by ConfigMap, key and cause", () => {
  const defaults = (yaml: string): ConfigData => ({ "default-br-config": yaml });
  test.each([
    ["config-features", { "delivery-timeout": "maybe" }, "delivery-timeout: must be one of Enabled, Allowed, Disabled"],
    // Whoever asks for protection must not be left to believe that it is there.
    [
      "config-features",
      { "authentication-oidc": "enabled" },
      'authentication-oidc: is not served by Kelvin and must be disabled, was "Enabled"',
    ],
    [
      "config-features",
      { "transport-encryption": "strict" },
      'transport-encryption: is not served by Kelvin and must be disabled, was "Strict"',
    ],
    ["config-br-defaults", defaults("clusterDefault: x"), "default-br-config: clusterDefault must be a map"],
    ["config-br-defaults", defaults("clusterDefaults:\n  a: b"), "default-br-config: unknown field clusterDefaults"],
    [
      "config-br-defaults",
      defaults("clusterDefault:\n  nam: b"),
      "default-br-config: clusterDefault: unknown field nam",
    ],
    [
      "config-br-defaults",
      defaults("clusterDefault:\n  name: 5"),
      "default-br-config: clusterDefault: name must be a text",
    ],
    [
      "config-br-defaults",
      defaults("clusterDefault:\n  brokerClass: 5"),
      "default-br-config: clusterDefault: brokerClass must be a text",
    ],
    [
      "config-br-defaults",
      defaults("namespaceDefaults: x"),
      "default-br-config: namespaceDefaults must be a map of namespaces",
    ],
    [
      "config-br-defaults",
      defaults("namespaceDefaults:\n  ns: x"),
      "default-br-config: namespaceDefaults.ns must be a map",
    ],
    [
      "config-br-defaults",
      defaults("clusterDefault:\n  delivery:\n    retry: x"),
      "default-br-config: clusterDefault: must be of type integer, was string: delivery.retry",
    ],
    [
      "config-br-defaults",
      defaults("clusterDefault:\n  delivery:\n    timeout: 5s"),
      "default-br-config: clusterDefault: invalid value: 5s: delivery.timeout",
    ],
    ["config-br-defaults", defaults("- a"), 'default-br-config: cannot read the line "- a"'],
    ["config-br-defaults", defaults("{"), "default-br-config: cannot read it as JSON"],
    [
      "default-ch-webhook",
      { "default-ch-config": "clusterDefault:\n  kind: K" },
      "default-ch-config: clusterDefault: apiVersion must be given, such as messaging.knative.dev/v1",
    ],
    [
      "config-br-default-channel",
      { "channel-template-spec": "apiVersion: a\nkind: K\nspec: x" },
      "channel-template-spec: spec must be a map",
    ],
    [
      "config-br-default-channel",
      { "channel-template-spec": "apiVersion: a" },
      "channel-template-spec: kind must be given, such as InMemoryChannel",
    ],
    ["config-imc-event-dispatcher", { MaxIdleConnections: "0" }, "MaxIdleConnections: must be more than 0, was 0"],
    [
      "config-imc-event-dispatcher",
      { MaxIdleConnectionsPerHost: "x" },
      "MaxIdleConnectionsPerHost: must be a whole number",
    ],
  ] as [EventingConfigMap, ConfigData, string][])("%s %j", (name, content, want) => {
    expect(() => eventingConfigParsers[name](content)).toThrow(ConfigError);
    expect(() => eventingConfigParsers[name](content)).toThrow(`${name}: ${want}`);
  });
});

describe("what is shipped in deploy", () => {
  const deploy = new URL("../../../../../deploy/", import.meta.url);

  test("base/eventing-config says what the code would do anyway", () => {
    const directory = new URL("base/eventing-config/", deploy);
    const shipped = readdirSync(directory)
      .map((name) => parse(readFileSync(new URL(name, directory), "utf8")) as Shipped)
      .filter(({ kind }) => kind === "ConfigMap");
    const content = Object.fromEntries(shipped.map(({ metadata, data = {} }) => [metadata.name, data]));
    expect(Object.keys(content).toSorted()).toEqual(Object.keys(eventingConfigParsers).toSorted());
    expect(parseEventingConfig(content)).toEqual(parseEventingConfig());
  });

  test.each([
    ["nats", { apiVersion: "messaging.knative.dev/v1alpha1", kind: "NatsJetStreamChannel" }],
    ["kafka", { apiVersion: "messaging.knative.dev/v1beta1", kind: "KafkaChannel" }],
    ["gcppubsub", { apiVersion: "messaging.cloud.google.com/v1beta1", kind: "Channel" }],
  ])("components/%s-by-default makes that the default of Brokers and Channels", (bus, channel) => {
    const file = new URL(`components/${bus}-by-default/defaults.yaml`, deploy);
    const patches = parseAllDocuments(readFileSync(file, "utf8")).map((document) => document.toJS() as Shipped);
    const content = Object.fromEntries(patches.map(({ metadata, data = {} }) => [metadata.name, data]));
    const config = parseEventingConfig(content);
    expect(config.brokerChannel).toEqual(channel);
    expect(channelTemplateFor(config.channelDefaults, "default")).toEqual(channel);
  });
});

interface Shipped {
  kind: string;
  metadata: { name: string };
  data?: Record<string, string>;
}
