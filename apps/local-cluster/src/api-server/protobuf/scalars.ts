import type { ScalarType } from "../fields/message-types.ts";
import type { WireReader, WireType } from "./wire-reader.ts";

// Values whose JSON is no object, though many of them are messages on the wire.

/** How a scalar is written on the wire. */
export function wireTypeOf(type: ScalarType): WireType {
  if (type === "n") return "fixed64";
  return type === "b" || type === "i" || type === "l" ? "varint" : "bytes";
}

/** What stands on the wire for `type`, as JSON; `undefined` when that is as good as absent (a zero time). */
export function readScalar(reader: WireReader, type: ScalarType): unknown {
  return readers[type](reader);
}

const readers: Readonly<Record<ScalarType, (reader: WireReader) => unknown>> = {
  b: (reader) => reader.readVarint() !== 0,
  i: (reader) => reader.readVarint() | 0,
  l: (reader) => reader.readVarint(),
  n: (reader) => reader.readDouble(),
  s: (reader) => reader.readBlock().takeText(),
  y: (reader) => reader.readBlock().takeBytes().toString("base64"),
  q: (reader) => readParts(reader.readBlock(), { 1: "s" })[1] ?? "0",
  o: (reader) => readIntOrString(reader.readBlock()),
  t: (reader) => readTime(reader.readBlock(), "t"),
  u: (reader) => readTime(reader.readBlock(), "u"),
  d: (reader) => formatDuration(numberOf(readParts(reader.readBlock(), { 1: "l" })[1])),
  r: (reader) => readParts(reader.readBlock(), { 1: "raw" })[1],
};

/** What Go takes for absent when the field is no pointer. */
export function isZero(value: unknown): boolean {
  return value === 0 || value === "" || value === false;
}

type Parts = Readonly<Record<number, "s" | "l" | "raw">>;

function readParts(reader: WireReader, parts: Parts): Record<number, unknown> {
  const found: Record<number, unknown> = {};
  while (!reader.isAtEnd) {
    const { number, wireType } = reader.readTag();
    const part = parts[number];
    if (part === undefined) reader.skip(wireType);
    else if ((part === "l") !== (wireType === "varint")) throw reader.malformed(`field ${number} is ${wireType}`);
    else if (part === "l") found[number] = reader.readVarint();
    else if (part === "s") found[number] = reader.readBlock().takeText();
    else found[number] = reader.readBlock().takeBytes();
  }
  return found;
}

function numberOf(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

function readIntOrString(reader: WireReader): string | number {
  const { 1: type, 2: number, 3: text } = readParts(reader, { 1: "l", 2: "l", 3: "s" });
  return numberOf(type) === 0 ? numberOf(number) | 0 : typeof text === "string" ? text : "";
}

function readTime(reader: WireReader, type: "t" | "u"): string | undefined {
  if (reader.isAtEnd) return undefined;
  const parts = readParts(reader, { 1: "l", 2: "l" });
  const [seconds, nanos] = [numberOf(parts[1]), numberOf(parts[2])];
  // JSON knows the years 0 to 9999 only.
  if (seconds < secondsMin || seconds > secondsMax || nanos < 0 || nanos > 999_999_999) {
    throw reader.malformed(`${seconds}s ${nanos}ns is no time`);
  }
  const text = new Date(seconds * 1000).toISOString().slice(0, 19);
  const micros = String(Math.floor(nanos / 1000)).padStart(6, "0");
  return type === "t" ? `${text}Z` : `${text}.${micros}Z`;
}

const secondsMin = Date.parse("0000-01-01T00:00:00Z") / 1000;
const secondsMax = Date.parse("9999-12-31T23:59:59Z") / 1000;

/** Nanoseconds as Go prints them: `1h0m0s`, `1.5s`, `20ms`, `0s`. */
export function formatDuration(nanoseconds: number): string {
  const total = Math.abs(nanoseconds);
  const sign = nanoseconds < 0 ? "-" : "";
  if (total === 0) return "0s";
  if (total < 1e9) {
    const [unit, size] = total < 1e3 ? ["ns", 1] : total < 1e6 ? ["µs", 1e3] : ["ms", 1e6];
    return `${sign}${total / size}${unit}`;
  }
  const minutes = Math.floor(total / 60e9);
  const fraction = String(total % 1e9)
    .padStart(9, "0")
    .replace(/0+$/, "");
  const seconds = `${Math.floor((total % 60e9) / 1e9)}${fraction === "" ? "" : `.${fraction}`}s`;
  const hours = Math.floor(minutes / 60);
  return `${sign}${hours > 0 ? `${hours}h` : ""}${minutes > 0 ? `${minutes % 60}m` : ""}${seconds}`;
}
