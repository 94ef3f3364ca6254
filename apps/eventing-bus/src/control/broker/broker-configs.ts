import type { Broker } from "@kelvin/api/eventing/v1";
import { ConfigMap, type KubeClient } from "@kelvin/kube";
import { brokerConfigOf, needsConfigMap, type ConfigMapContent, type ConfigMapName } from "../../model/bus-of.ts";
import type { Reader } from "../informers.ts";

/** Reads the ConfigMaps that Brokers are configured by. */
export interface BrokerConfigs {
  read(broker: Broker): Promise<BrokerConfig>;
}

/** What a Broker is configured by. */
export interface BrokerConfig {
  /** Undefined: there is none, or none is needed. */
  readonly content: ConfigMapContent | undefined;
  /** Whether the Broker is woken when it changes. If not, look again. */
  readonly isFollowed: boolean;
}

export interface BrokerConfigsOptions {
  readonly kube: Pick<KubeClient, "find">;
  /** Those of the system namespace. */
  readonly configMaps: Reader<ConfigMap>;
  readonly systemNamespace: string;
}

/** Only the ConfigMaps of the system namespace are followed: those of all others may be many, and whose they are nobody knows. */
export function makeBrokerConfigs({ kube, configMaps, systemNamespace }: BrokerConfigsOptions): BrokerConfigs {
  return {
    async read(broker) {
      const name = configNameOf(broker);
      if (name === undefined) return { content: undefined, isFollowed: true };
      if (name.namespace === systemNamespace) return { content: configMaps.get(name), isFollowed: true };
      return { content: await kube.find(ConfigMap, name), isFollowed: false };
    },
  };
}

/** The ConfigMap that a Broker names and needs. */
export function configNameOf(broker: Broker): ConfigMapName | undefined {
  const name = needsConfigMap(broker) ? brokerConfigOf(broker) : undefined;
  return typeof name === "object" ? name : undefined;
}
