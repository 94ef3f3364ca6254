import { parseBrokerChannelConfig, type ChannelTemplate } from "@kelvin/api/eventing/config";
import { eventingAnnotations, type Broker } from "@kelvin/api/eventing/v1";
import type { Channel as BusChannel } from "@kelvin/api/channels/v1alpha1/kinds";
import type { Channel } from "@kelvin/api/messaging/v1";
import { statusAnnotations } from "./annotations.ts";
import { busId, stubBus } from "./names.ts";

/** Which bus serves a stream, or why none can. */
export type BusOf =
  | { readonly kind: "bus"; readonly bus: string }
  /** A Channel that is an InMemoryChannel of its name: that one is the stream. */
  | { readonly kind: "backed" }
  /** Nobody serves such a class or template. For condition BusNotFound. */
  | { readonly kind: "unknown"; readonly message: string }
  /** The configuration is not there or cannot be read. For the Broker's condition ChannelTemplateFailed. */
  | { readonly kind: "unreadable"; readonly message: string };

/** What is read of a ConfigMap. */
export interface ConfigMapContent {
  readonly data?: Readonly<Record<string, string>>;
}

/** The ConfigMap that a Broker's class needs. */
export interface ConfigMapName {
  readonly namespace: string;
  readonly name: string;
}

/** The class whose bus is said by the template of a channel. */
const TEMPLATE_CLASS = "MTChannelBasedBroker";

/** Classes that name their bus. */
const BUS_BY_CLASS: ReadonlyMap<string, string> = new Map([
  ["NatsJetStreamBroker", "nats"],
  ["Kafka", "kafka"],
  ["googlecloud", "gcppubsub"],
]);

const IN_MEMORY_TEMPLATE = "messaging.knative.dev/v1/InMemoryChannel";

/** Templates and their buses. */
const BUS_BY_TEMPLATE: ReadonlyMap<string, string> = new Map([
  [IN_MEMORY_TEMPLATE, stubBus],
  ["messaging.knative.dev/v1alpha1/NatsJetStreamChannel", "nats"],
  ["messaging.knative.dev/v1beta1/KafkaChannel", "kafka"],
  ["messaging.cloud.google.com/v1beta1/Channel", "gcppubsub"],
]);

/** The bus that serves a Channel itself, or the InMemoryChannel that stands for it. */
export function busOfChannel({ spec }: Channel): BusOf {
  const template = spec.channelTemplate ?? {};
  const text = templateText(template);
  return text === IN_MEMORY_TEMPLATE ? { kind: "backed" } : busOfTemplate(template);
}

/** The bus that serves a channel of the founding kind: the one that it names. Undefined: it names none. */
export function busOfBusChannel({ metadata, spec }: BusChannel): string | undefined {
  // What was stored before there was a schema may have no spec.
  const { bus = "", clusterBus = "" } = (spec as BusChannel["spec"] | undefined) ?? {};
  if (clusterBus !== "") return busId(clusterBus);
  return bus === "" ? undefined : busId(bus, metadata.namespace);
}

/**
 * The bus that serves a Broker.
 *
 * @param findConfigMap Finds what `brokerConfigOf` names.
 */
export function busOfBroker(
  broker: Broker,
  findConfigMap: (name: ConfigMapName) => ConfigMapContent | undefined,
): BusOf {
  const brokerClass = classOf(broker);
  const bus = BUS_BY_CLASS.get(brokerClass);
  if (bus !== undefined) return { kind: "bus", bus };
  if (brokerClass !== TEMPLATE_CLASS) {
    const classes = [TEMPLATE_CLASS, ...BUS_BY_CLASS.keys()].join(", ");
    return { kind: "unknown", message: `no bus serves Brokers of class "${brokerClass}"; known are ${classes}` };
  }
  const name = brokerConfigOf(broker);
  if (typeof name !== "object") return { kind: "unreadable", message: name };
  const found = findConfigMap(name);
  const where = `ConfigMap "${name.namespace}/${name.name}"`;
  if (found === undefined) return { kind: "unreadable", message: `${where}, which spec.config names, does not exist` };
  try {
    return busOfTemplate(parseBrokerChannelConfig(found.data, name.name));
  } catch (error) {
    return { kind: "unreadable", message: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * The bus that is to serve a Broker now; undefined: none. While its configuration is lost or cannot be read that is the bus which
 * its status names: whoever deletes a ConfigMap does not mean to stop the events. So is it once the Broker is being deleted, for
 * that is who must remove it.
 *
 * @param findConfigMap Finds what `brokerConfigOf` names.
 */
export function busServingBroker(
  broker: Broker,
  findConfigMap: (name: ConfigMapName) => ConfigMapContent | undefined,
): string | undefined {
  const noted = broker.status?.annotations?.[statusAnnotations.bus];
  if (noted !== undefined && broker.metadata.deletionTimestamp !== undefined) return noted;
  const found = busOfBroker(broker, findConfigMap);
  if (found.kind === "unreadable") return noted;
  return found.kind === "bus" ? found.bus : undefined;
}

/** The ConfigMap with the template of a Broker's channel, or what is wrong with the reference to it. */
export function brokerConfigOf(broker: Broker): ConfigMapName | string {
  const { config } = broker.spec;
  if (config === undefined) return `spec.config: must name a ConfigMap for class ${TEMPLATE_CLASS}`;
  const { apiVersion = "v1", kind = "ConfigMap", name = "", namespace = broker.metadata.namespace ?? "" } = config;
  if (apiVersion !== "v1" || kind !== "ConfigMap") {
    return `spec.config: must be a ConfigMap of v1, was ${kind} of ${apiVersion}`;
  }
  return name === "" ? "spec.config.name: missing" : { namespace, name };
}

/** Whether a Broker's bus is said by a ConfigMap. */
export function needsConfigMap(broker: Broker): boolean {
  return classOf(broker) === TEMPLATE_CLASS;
}

function classOf({ metadata }: Broker): string {
  return metadata.annotations?.[eventingAnnotations.brokerClass] ?? "";
}

function busOfTemplate(template: Partial<ChannelTemplate>): BusOf {
  const text = templateText(template);
  const bus = BUS_BY_TEMPLATE.get(text);
  if (bus !== undefined) return { kind: "bus", bus };
  const known = [...BUS_BY_TEMPLATE.keys()].join(", ");
  return { kind: "unknown", message: `no bus serves channels made of "${text}"; known are ${known}` };
}

function templateText({ apiVersion = "", kind = "" }: Partial<ChannelTemplate>): string {
  return `${apiVersion}/${kind}`;
}
