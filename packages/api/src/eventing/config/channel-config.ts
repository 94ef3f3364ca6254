import { isRecord } from "../../meta/equality.ts";
import { ConfigError, readConfig, type ConfigData } from "../../serving/config/parse-config.ts";
import { defaultsOf, readDefaults, readYaml, type DefaultsTree } from "./defaults-tree.ts";

/** Which kind of channel to make, and what its spec begins with. */
export interface ChannelTemplate {
  readonly apiVersion: string;
  readonly kind: string;
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** default-ch-webhook: what Channels are made of that do not say it. */
export type ChannelDefaultsConfig = DefaultsTree<ChannelTemplate>;

/** What channels are made of where nothing else is said. */
export const channelTemplateDefault: ChannelTemplate = {
  apiVersion: "messaging.knative.dev/v1",
  kind: "InMemoryChannel",
};

/** Parses default-ch-webhook. @throws ConfigError naming the field. */
export function parseChannelDefaultsConfig(content: ConfigData = {}): ChannelDefaultsConfig {
  const place = { configMap: "default-ch-webhook", key: "default-ch-config" };
  const parse = (value: Readonly<Record<string, unknown>>, path: string): ChannelTemplate =>
    parseTemplate(value, { ...place, path });
  return readDefaults(content, { ...place, clusterDefault: channelTemplateDefault, parse });
}

/** The template of a new Channel in the namespace, whose own defaults replace the cluster's as a whole. */
export function channelTemplateFor(config: ChannelDefaultsConfig, namespace: string): ChannelTemplate {
  return defaultsOf(config, namespace);
}

/** Parses config-br-default-channel, or any ConfigMap that a Broker names: what its channel is made of. @throws ConfigError */
export function parseBrokerChannelConfig(
  content: ConfigData = {},
  configMap: string = "config-br-default-channel",
): ChannelTemplate {
  const keys = ["channel-template-spec", "channelTemplateSpec"] as const;
  const key = keys.find((name) => content[name] !== undefined) ?? keys[0];
  const text = content[key] ?? "";
  if (text.trim() === "") return channelTemplateDefault;
  return parseTemplate(readYaml(text, { configMap, key }), { configMap, key, path: "" });
}

interface Place {
  readonly configMap: string;
  readonly key: string;
  readonly path: string;
}

function parseTemplate(value: Readonly<Record<string, unknown>>, { configMap, key, path }: Place): ChannelTemplate {
  const fail = (problem: string): never => {
    throw new ConfigError({ configMap, key, text: path === "" ? problem : `${path}: ${problem}` });
  };
  const text = (name: string): string => {
    const given = value[name];
    return typeof given === "string" && given !== "" ? given : fail(`${name} must be given, such as ${examples[name]}`);
  };
  const { spec } = value;
  if (spec !== undefined && !isRecord(spec)) fail("spec must be a map");
  return { apiVersion: text("apiVersion"), kind: text("kind"), ...(isRecord(spec) ? { spec } : {}) };
}

const examples: Readonly<Record<string, string>> = {
  apiVersion: channelTemplateDefault.apiVersion,
  kind: channelTemplateDefault.kind,
};

/** config-imc-event-dispatcher: the connections that are kept open to subscribers. */
export interface DispatcherConfig {
  readonly idleConnectionsMax: number;
  readonly idleConnectionsPerHostMax: number;
}

/** Parses config-imc-event-dispatcher. @throws ConfigError naming the key. */
export function parseDispatcherConfig(content: ConfigData = {}): DispatcherConfig {
  const read = readConfig("config-imc-event-dispatcher", content);
  const count = (key: string, fallback: number): number => {
    const given = read.integer(key, fallback);
    return given > 0 ? given : read.fail(key, `must be more than 0, was ${given}`);
  };
  return {
    idleConnectionsMax: count("MaxIdleConnections", 1_000),
    idleConnectionsPerHostMax: count("MaxIdleConnectionsPerHost", 100),
  };
}
