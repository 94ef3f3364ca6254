import { crc32 } from "node:zlib";
import type { KubeObject } from "@kelvin/api";
import { toError, type ConfigMap } from "@kelvin/kube";

const exampleKey = "_example";
const exampleChecksum = "knative.dev/example-checksum";
const exampleEdited =
  `the update modifies a key in "${exampleKey}" which is probably not what you want. Instead, copy the respective ` +
  `setting to the top-level of the ConfigMap, directly below "data"`;

/** What reads each ConfigMap of settings, by the ConfigMap's name. Throws when it makes no sense. */
export type ConfigMapParsers = Readonly<Record<string, (entries: Readonly<Record<string, string>>) => unknown>>;

/** Why a ConfigMap with settings must not be stored, as Knative says it; undefined when it may, and for ConfigMaps of other people. */
export function refuseConfigMap(object: KubeObject, parsers: ConfigMapParsers): string | undefined {
  const { metadata, data = {} } = object as ConfigMap;
  const name = metadata.name ?? "";
  const parse = Object.hasOwn(parsers, name) ? parsers[name] : undefined;
  if (parse === undefined) return undefined;
  const checksum = metadata.annotations?.[exampleChecksum];
  const example = data[exampleKey];
  if (checksum !== undefined && example !== undefined && checksumOf(example) !== checksum) {
    return `validation failed: ${exampleEdited}`;
  }
  try {
    parse(data);
    return undefined;
  } catch (error) {
    return `validation failed: ${toError(error).message}`;
  }
}

function checksumOf(example: string): string {
  return crc32(example.trim()).toString(16).padStart(8, "0");
}
