import { crc32 } from "node:zlib";
import type { KubeObject } from "@kelvin/api";
import { configParsers } from "@kelvin/api/serving/config";
import { toError, type ConfigMap } from "@kelvin/kube";

const exampleKey = "_example";
const exampleChecksum = "knative.dev/example-checksum";
const exampleEdited =
  `the update modifies a key in "${exampleKey}" which is probably not what you want. Instead, copy the respective ` +
  `setting to the top-level of the ConfigMap, directly below "data"`;

/** Why a ConfigMap with settings must not be stored, or undefined when it may. */
export function validateConfigMap(object: KubeObject): string | undefined {
  const { metadata, data = {} } = object as ConfigMap;
  const parser = Object.entries(configParsers).find(([name]) => name === metadata.name)?.[1];
  if (parser === undefined) return undefined;
  const checksum = metadata.annotations?.[exampleChecksum];
  const example = data[exampleKey];
  if (checksum !== undefined && example !== undefined && checksumOf(example) !== checksum) {
    return `validation failed: ${exampleEdited}`;
  }
  try {
    parser(data);
    return undefined;
  } catch (error) {
    return `validation failed: ${toError(error).message}`;
  }
}

function checksumOf(example: string): string {
  return crc32(example.trim()).toString(16).padStart(8, "0");
}
