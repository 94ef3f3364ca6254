import { ConfigMap, keyText, type Clock, type Informer, type KubeClient } from "@kelvin/kube";
import type { Logger } from "@kelvin/http-service";
import type { ConfigMapContent, ConfigMapName } from "../model/bus-of.ts";
import { templateOnly } from "./informers.ts";

/** The ConfigMaps that Brokers are configured by. */
export interface ConfigMaps {
  /** Undefined: it does not exist, or has not been read yet; then listeners are told when it has. */
  find: (name: ConfigMapName) => ConfigMapContent | undefined;
  /** Resolves when all that were asked for have been read once. */
  settled(): Promise<void>;
  onChange(listener: (name: ConfigMapName) => void): void;
  close(): Promise<void>;
}

/** @see openConfigMaps */
export interface ConfigMapsDeps {
  readonly kube: Pick<KubeClient, "find">;
  /** Those of the system's namespace. */
  readonly informer: Informer<ConfigMap>;
  readonly systemNamespace: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Those of other namespaces may not be watched, and are read again after this. */
const READ_AGAIN_MS = 30_000;
/** Names that are remembered; one per Broker at most. */
const NAMES_MAX = 10_000;

interface Known {
  readonly name: ConfigMapName;
  content: ConfigMapContent | undefined;
  version: string | undefined;
}

/** Opens the view of the ConfigMaps: watched in the system's namespace, elsewhere read from time to time. */
export function openConfigMaps({ kube, informer, systemNamespace, clock, log }: ConfigMapsDeps): ConfigMaps {
  const known = new Map<string, Known>();
  const listeners = new Set<(name: ConfigMapName) => void>();
  const running = new Set<Promise<void>>();
  const abort = new AbortController();
  const { signal } = abort;

  const read = async (one: Known): Promise<void> => {
    try {
      const found = await kube.find(ConfigMap, one.name, { signal });
      const version = found?.metadata.resourceVersion;
      if (version === one.version) return;
      one.version = version;
      one.content = found === undefined ? undefined : templateOnly(found);
      for (const listener of listeners) listener(one.name);
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error, ...one.name }, "Could not read a ConfigMap; it is read again");
    }
  };
  const start = (work: Promise<void>): void => {
    const done = work.finally(() => running.delete(done));
    running.add(done);
  };
  const readAgain = async (): Promise<void> => {
    while (!signal.aborted) {
      await clock.sleep(READ_AGAIN_MS, signal);
      for (const one of known.values()) if (!signal.aborted) await read(one);
    }
  };
  const loop = readAgain();
  informer.onChange(({ before, after }) => {
    const { namespace = "", name = "" } = (after ?? before)?.metadata ?? {};
    for (const listener of listeners) listener({ namespace, name });
  });
  return {
    find(name) {
      if (name.namespace === systemNamespace) return informer.get(name);
      const text = keyText(name);
      let one = known.get(text);
      if (one === undefined && known.size < NAMES_MAX) {
        one = { name, content: undefined, version: undefined };
        known.set(text, one);
        start(read(one));
      }
      return one?.content;
    },
    settled: async () => {
      await Promise.all(running);
    },
    onChange(listener) {
      listeners.add(listener);
    },
    async close() {
      abort.abort();
      await Promise.all([loop, ...running]);
    },
  };
}
