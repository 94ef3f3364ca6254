import { isRecord } from "../../meta/equality.ts";
import { ConfigError, type ConfigData } from "../../serving/config/parse-config.ts";
import { parseTypedYaml } from "../../serving/config/simple-yaml.ts";

/** Defaults for the cluster, and for single namespaces in place of those. */
export interface DefaultsTree<T> {
  readonly cluster: T;
  readonly namespaces: Readonly<Record<string, T>>;
}

/** What holds in a namespace: its own defaults, which replace the cluster's as a whole, or else those. */
export function defaultsOf<T>({ cluster, namespaces }: DefaultsTree<T>, namespace: string): T {
  return ownValue(namespaces, namespace) ?? cluster;
}

/** The value under a key that somebody else chose; such as `constructor`, which every object seems to have. */
export function ownValue<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

/** Where a tree of defaults stands, what holds without it, and how each of its entries is read. */
export interface DefaultsSource<T> {
  readonly configMap: string;
  readonly key: string;
  readonly clusterDefault: T;
  readonly parse: (value: Readonly<Record<string, unknown>>, path: string) => T;
}

/** Reads `clusterDefault` and `namespaceDefaults` from the YAML under one key. @throws ConfigError that says what is wrong. */
export function readDefaults<T>(content: ConfigData, source: DefaultsSource<T>): DefaultsTree<T> {
  const { configMap, key, clusterDefault, parse } = source;
  const text = content[key];
  if (text === undefined || text.trim() === "") return { cluster: clusterDefault, namespaces: {} };
  const {
    clusterDefault: cluster,
    namespaceDefaults: namespaces = {},
    ...unknown
  } = readYaml(text, { configMap, key });
  const fail = (problem: string): never => {
    throw new ConfigError({ configMap, key, text: problem });
  };
  const extra = Object.keys(unknown);
  if (extra.length > 0) fail(`unknown field ${extra.join(", ")}; there are clusterDefault and namespaceDefaults`);
  const parseMap = (value: unknown, path: string): T =>
    isRecord(value) ? parse(value, path) : fail(`${path} must be a map`);
  return {
    cluster: cluster === undefined ? clusterDefault : parseMap(cluster, "clusterDefault"),
    namespaces: Object.fromEntries(
      Object.entries(isRecord(namespaces) ? namespaces : fail("namespaceDefaults must be a map of namespaces")).map(
        ([name, value]) => [name, parseMap(value, `namespaceDefaults.${name}`)],
      ),
    ),
  };
}

/** Reads a map from the YAML or JSON under one key. @throws ConfigError that quotes what cannot be read. */
export function readYaml(text: string, place: { configMap: string; key: string }): Record<string, unknown> {
  try {
    return { ...parseTypedYaml(text) };
  } catch (error) {
    throw new ConfigError({ ...place, text: error instanceof Error ? error.message : String(error) });
  }
}
