import { readFile } from "node:fs/promises";
import { crc32 } from "node:zlib";
import type { ApiObject } from "../api-server/api-object.ts";
import { isRecord, stringAt, textOf } from "../api-server/api-object.ts";

// One record a line: the CRC-32 of the rest as eight hex digits, a space, and JSON.

/** A commit, or (without a type) the promise that no revision up to `revision` is handed out again. */
export type FileRecord =
  | { readonly type: string; readonly key: string; readonly revision: number; readonly object: ApiObject | undefined }
  | { readonly type?: undefined; readonly revision: number };

export function encodeLine(record: FileRecord): string {
  const json = jsonOf(record);
  return `${checksum(json)} ${json}\n`;
}

function jsonOf(record: FileRecord): string {
  if (record.type === undefined) return JSON.stringify({ r: record.revision });
  const { type, key, revision, object } = record;
  const head = JSON.stringify({ t: type, k: key, r: revision });
  return object === undefined ? head : `${head.slice(0, -1)},"o":${textOf(object)}}`;
}

function checksum(json: string | Buffer): string {
  return crc32(json).toString(16).padStart(8, "0");
}

/** Reads records until the end, or until the first that is not whole. */
export async function readRecords(
  path: string,
  apply: (record: FileRecord) => void,
): Promise<{ goodBytes: number; isTorn: boolean }> {
  const bytes = await readFile(path);
  let start = 0;
  while (start < bytes.length) {
    const end = bytes.indexOf(10, start);
    const record = end < 0 ? undefined : decodeLine(bytes.subarray(start, end));
    if (record === undefined) return { goodBytes: start, isTorn: true };
    apply(record);
    start = end + 1;
  }
  return { goodBytes: start, isTorn: false };
}

function decodeLine(line: Buffer): FileRecord | undefined {
  const json = line.subarray(9);
  if (line.length < 10 || line.toString("latin1", 0, 8) !== checksum(json)) return undefined;
  const value: unknown = JSON.parse(json.toString());
  const revision = isRecord(value) && typeof value["r"] === "number" ? value["r"] : 0;
  const type = stringAt(value, "t");
  if (!isRecord(value) || type === "") return { revision };
  const object = value["o"];
  return { type, key: stringAt(value, "k"), revision, object: isApiObject(object) ? object : undefined };
}

// The checksum vouches for the record being what was written, which was an object of the API.
function isApiObject(value: unknown): value is ApiObject {
  return isRecord(value) && isRecord(value["metadata"]);
}
