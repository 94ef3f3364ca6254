import { validateDelivery } from "../../duck/destination.validation.ts";
import { DeliverySpec, type KReference } from "../../duck/destination.types.ts";
import { isRecord } from "../../meta/equality.ts";
import { fieldErrorText, hasErrors, viaField } from "../../meta/field-error.ts";
import { schemaErrors } from "../../meta/schema-check.ts";
import { ConfigError, type ConfigData } from "../../serving/config/parse-config.ts";
import { defaultsOf, ownValue, readDefaults, type DefaultsTree } from "./defaults-tree.ts";

/** What a Broker gets that does not say it. */
export interface BrokerSettings {
  readonly config: KReference | undefined;
  readonly delivery: DeliverySpec | undefined;
}

/** The defaults of a namespace, or of the cluster. */
export interface BrokerDefaults extends BrokerSettings {
  readonly brokerClass: string;
  /** What Brokers of certain classes get instead. */
  readonly classes: Readonly<Record<string, BrokerSettings>>;
}

/** config-br-defaults: the class, configuration and delivery of Brokers that do not say them. */
export type BrokerDefaultsConfig = DefaultsTree<BrokerDefaults>;

/** The class of Brokers where nothing else is said. */
export const brokerClassDefault = "MTChannelBasedBroker";

const configMap = "config-br-defaults";
const key = "default-br-config";

const clusterDefault: BrokerDefaults = {
  brokerClass: brokerClassDefault,
  config: { apiVersion: "v1", kind: "ConfigMap", name: "config-br-default-channel", namespace: "knative-eventing" },
  delivery: { retry: 10, backoffPolicy: "exponential", backoffDelay: "PT0.2S" },
  classes: {},
};

/** Parses config-br-defaults. @throws ConfigError naming the key and the field in it. */
export function parseBrokerDefaultsConfig(content: ConfigData = {}): BrokerDefaultsConfig {
  return readDefaults(content, { configMap, key, clusterDefault, parse: parseDefaults });
}

/** The class of a new Broker in the namespace. */
export function brokerClassFor(config: BrokerDefaultsConfig, namespace: string): string {
  const own = defaultsOf(config, namespace).brokerClass;
  return own === "" ? config.cluster.brokerClass : own;
}

/** Configuration and delivery of a new Broker in the namespace. A namespace's defaults replace the cluster's as a whole. */
export function brokerSettingsFor(
  config: BrokerDefaultsConfig,
  { namespace, brokerClass }: { readonly namespace: string; readonly brokerClass: string },
): BrokerSettings {
  const defaults = defaultsOf(config, namespace);
  return ownValue(defaults.classes, brokerClass) ?? defaults;
}

function parseDefaults(value: Readonly<Record<string, unknown>>, path: string): BrokerDefaults {
  const { brokerClass = "", brokerClasses = {}, disallowDifferentNamespaceConfig: _, ...settings } = value;
  if (typeof brokerClass !== "string") fail(path, "brokerClass must be a text");
  if (!isRecord(brokerClasses)) fail(path, "brokerClasses must be a map of classes");
  const classes = Object.entries(brokerClasses).map(([name, given]): [string, BrokerSettings] => [
    name,
    isRecord(given) ? parseSettings(given, `${path}.brokerClasses.${name}`) : fail(path, `${name} must be a map`),
  ]);
  return { brokerClass, classes: Object.fromEntries(classes), ...parseSettings(settings, path) };
}

function parseSettings(value: Readonly<Record<string, unknown>>, path: string): BrokerSettings {
  const { apiVersion, kind, name, namespace, delivery, ...unknown } = value;
  const extra = Object.keys(unknown);
  if (extra.length > 0) fail(path, `unknown field ${extra.join(", ")}`);
  const given = Object.entries({ apiVersion, kind, name, namespace }).filter(([, text]) => text !== undefined);
  const wrong = given.find(([, text]) => typeof text !== "string");
  if (wrong !== undefined) fail(path, `${wrong[0]} must be a text`);
  return {
    config: given.length === 0 ? undefined : (Object.fromEntries(given) as KReference),
    delivery: delivery === undefined ? undefined : parseDelivery(delivery, path),
  };
}

function parseDelivery(value: unknown, path: string): DeliverySpec {
  const shapeErrors = schemaErrors(DeliverySpec, value);
  const everything = { kreferenceGroup: "Enabled", deliveryTimeout: "Enabled", deliveryRetryAfter: "Enabled" } as const;
  const errors = shapeErrors.length > 0 ? shapeErrors : validateDelivery(value as DeliverySpec, everything);
  return hasErrors(errors) ? fail(path, fieldErrorText(viaField(errors, "delivery"))) : (value as DeliverySpec);
}

function fail(path: string, text: string): never {
  throw new ConfigError({ configMap, key, text: `${path}: ${text}` });
}
