import { ConfigMap, isSemanticallyEqual, openInformer, toError } from "@kelvin/kube";
import type { Clock, Informer, KubeClient } from "@kelvin/kube";
import { silentRecorder } from "./event-recorder.ts";
import type { EventRecorder } from "./event-recorder.ts";
import { silentLog } from "./log.ts";
import type { Log } from "./log.ts";

/** One ConfigMap and what it means. */
export interface ConfigSource<T> {
  /** Such as `config-autoscaler`. */
  readonly configMap: string;
  /** Gets the ConfigMap's data, `{}` when there is none: that means the defaults. Throws when it makes no sense. */
  readonly parse: (entries: Readonly<Record<string, string>>) => T;
}

/** The parsed values by the names that the sources were given under. */
export type ConfigValues<S> = { readonly [K in keyof S]: S[K] extends ConfigSource<infer T> ? T : never };

/** Where the ConfigMaps are. */
export interface ConfigWatcherOptions<S> {
  kube: KubeClient;
  namespace: string;
  sources: S;
  clock?: Clock;
  log?: Log;
  recorder?: EventRecorder;
}

/** Configuration that follows its ConfigMaps. */
export interface ConfigWatcher<S> {
  /** The values as of now: a new frozen record after each change. Defaults until the first read. */
  readonly current: ConfigValues<S>;
  /** Resolves once the ConfigMaps have been read. */
  readonly synced: Promise<void>;
  /** Called after a ConfigMap changed, also when what it means did not. Returns the unsubscriber. */
  onChange(listener: (current: ConfigValues<S>, before: ConfigValues<S>) => void): () => void;
  close(): Promise<void>;
}

/**
 * Watches ConfigMaps of one namespace and keeps what they mean. One that cannot be parsed leaves the last good value in
 * force, and says so in the log and in an Event. One that is deleted means the defaults.
 * @throws whatever a `parse` throws of the empty ConfigMap.
 */
export function openConfigWatcher<S extends Readonly<Record<string, ConfigSource<unknown>>>>(
  options: ConfigWatcherOptions<S>,
): ConfigWatcher<S> {
  const { kube, namespace, sources, clock, log = silentLog } = options;
  const names = new Set(Object.values(sources).map((source) => source.configMap));
  const informer = openInformer(kube, ConfigMap, {
    namespace,
    ...(clock !== undefined && { clock }),
    transform: (configMap) => (names.has(configMap.metadata.name ?? "") ? configMap : withoutContent(configMap)),
    onError: (err) => log.warn({ err, namespace }, "Watching ConfigMaps failed"),
  });
  const listeners = new Set<(current: ConfigValues<S>, before: ConfigValues<S>) => void>();
  let current = parseDefaults(sources);
  const refresh = (configMapName: string): void => {
    const before = current;
    current = reparse(options, informer, { before, configMapName });
    for (const listener of listeners) listener(current, before);
  };
  informer.onChange(({ before, after }) => {
    const name = (after ?? before)?.metadata.name ?? "";
    if (names.has(name) && !isSemanticallyEqual(before?.data, after?.data)) refresh(name);
  });
  return {
    get current() {
      return current;
    },
    synced: informer.synced,
    onChange(listener) {
      const own: typeof listener = (...args) => listener(...args);
      listeners.add(own);
      return () => {
        listeners.delete(own);
      };
    },
    close: () => informer.close(),
  };
}

/** Other ConfigMaps of the namespace may be large, and nobody here reads them. */
function withoutContent({ apiVersion, kind, metadata }: ConfigMap): ConfigMap {
  const { name = "", namespace = "", uid = "", resourceVersion = "" } = metadata;
  return {
    apiVersion: apiVersion ?? "v1",
    kind: kind ?? "ConfigMap",
    metadata: { name, namespace, uid, resourceVersion },
  };
}

function parseDefaults<S extends Readonly<Record<string, ConfigSource<unknown>>>>(sources: S): ConfigValues<S> {
  const values = Object.entries(sources).map(([name, source]) => [name, source.parse({})] as const);
  return Object.freeze(Object.fromEntries(values)) as ConfigValues<S>;
}

interface Refresh<S> {
  before: ConfigValues<S>;
  configMapName: string;
}

function reparse<S extends Readonly<Record<string, ConfigSource<unknown>>>>(
  { sources, namespace, log = silentLog, recorder = silentRecorder }: ConfigWatcherOptions<S>,
  informer: Informer<ConfigMap>,
  { before, configMapName }: Refresh<S>,
): ConfigValues<S> {
  const configMap = informer.get({ namespace, name: configMapName });
  const values: Record<string, unknown> = { ...before };
  for (const [name, source] of Object.entries(sources)) {
    if (source.configMap !== configMapName) continue;
    try {
      values[name] = source.parse(configMap?.data ?? {});
    } catch (error) {
      const err = toError(error);
      log.error({ err, namespace, name: configMapName }, "ConfigMap is invalid, the last good one stays in force");
      if (configMap !== undefined) recorder.warning(configMap, "InvalidConfig", err.message);
    }
  }
  return Object.freeze(values) as ConfigValues<S>;
}
