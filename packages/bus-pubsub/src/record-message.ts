import type { BusRecord } from "@kelvin/bus";
import type { PublishedMessage, ServiceTimestamp } from "./pubsub-methods.ts";

/** What the service takes of one request, and so of one message; the emulator takes more. */
export const REQUEST_BYTES_MAX = 10_000_000;
/** What a request has around its messages: the topic's name, numbers and lengths. */
const OVERHEAD_BYTES = 1_024;
const MESSAGE_BYTES_MAX = REQUEST_BYTES_MAX - OVERHEAD_BYTES;
/** Of that, what the forms below may add to the bytes of a record. */
export const RECORD_BYTES_MAX = MESSAGE_BYTES_MAX - 32 * 1_024;

const ATTRIBUTES_MAX = 100;
const NAME_BYTES_MAX = 256;
const VALUE_BYTES_MAX = 1_024;
/** What an attribute takes beyond its letters, at most. */
const ATTRIBUTE_OVERHEAD = 12;
/** Names of ours, and of Google's. */
const RESERVED = /^(?:goog|kelvin-(?:packed|doubles)$)/;
/** How many bytes of the message are headers. */
const PACKED = "kelvin-packed";
/** Headers that come a second time, as a list. */
const DOUBLES = "kelvin-doubles";

/** A record as a message, with its size as the service counts it. */
export interface OutMessage {
  readonly message: PublishedMessage;
  readonly bytes: number;
}

/**
 * The record as a message: headers as attributes, in small letters, as everybody reads them. Of headers that come twice
 * the first is an attribute. Headers that the service would refuse as attributes (over 100, 1,024 bytes of a value, 256 of
 * a name, names that begin with `goog`) stand before the body, all of them. Undefined when it is too large.
 */
export function toMessage(record: BusRecord): OutMessage | undefined {
  const { data, attributes } = toForm(record);
  const key = record.key === undefined ? "" : orderingKey(record.key);
  let bytes = data.length + key.length + ATTRIBUTE_OVERHEAD;
  for (const [name, value] of Object.entries(attributes)) bytes += name.length + value.length + ATTRIBUTE_OVERHEAD;
  if (bytes > MESSAGE_BYTES_MAX) return undefined;
  return { message: key === "" ? { data, attributes } : { data, attributes, orderingKey: key }, bytes };
}

function toForm({ headers, body }: BusRecord): { readonly data: Buffer; readonly attributes: Record<string, string> } {
  const attributes = toAttributes(headers);
  if (attributes !== undefined) return { data: body, attributes };
  const packed = pack(headers);
  return { data: Buffer.concat([packed, body]), attributes: { [PACKED]: String(packed.length) } };
}

/** The record in a message, whoever wrote it. */
export function toRecord(message: PublishedMessage): Pick<BusRecord, "headers" | "body" | "key"> {
  const { orderingKey: key } = message;
  const keyed = key === undefined || key === null || key === "" ? {} : { key };
  const attributes = message.attributes ?? {};
  const data = toBuffer(message.data);
  const length = Number(attributes[PACKED] ?? "none");
  if (Number.isSafeInteger(length) && length >= 0 && length <= data.length) {
    return { headers: unpack(data.subarray(0, length)), body: data.subarray(length), ...keyed };
  }
  const headers: string[] = [];
  for (const [name, value] of Object.entries(attributes)) if (name !== DOUBLES) headers.push(name, value);
  return { headers: [...headers, ...readDoubles(attributes[DOUBLES])], body: data, ...keyed };
}

/** When the service accepted a message, by its own clock. */
export function toMs(time: ServiceTimestamp | null | undefined): number {
  return Number(time?.seconds ?? 0) * 1_000 + (time?.nanos ?? 0) / 1_000_000;
}

/** Undefined when the service would refuse them. */
function toAttributes(headers: readonly string[]): Record<string, string> | undefined {
  const attributes = new Map<string, string>();
  const doubles: string[] = [];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = (headers[index] ?? "").toLowerCase();
    const value = headers[index + 1] ?? "";
    if (attributes.has(name)) doubles.push(name, value);
    else attributes.set(name, value);
  }
  if (doubles.length > 0) attributes.set(DOUBLES, JSON.stringify(doubles));
  // A message needs a body or an attribute.
  if (attributes.size === 0 || attributes.size > ATTRIBUTES_MAX) return undefined;
  for (const [name, value] of attributes) {
    if (name === DOUBLES ? value.length > VALUE_BYTES_MAX : !isAllowed(name, value)) return undefined;
  }
  return Object.fromEntries(attributes);
}

function isAllowed(name: string, value: string): boolean {
  if (name === "" || RESERVED.test(name)) return false;
  return Buffer.byteLength(name) <= NAME_BYTES_MAX && Buffer.byteLength(value) <= VALUE_BYTES_MAX;
}

function readDoubles(text: string | undefined): string[] {
  if (text === undefined) return [];
  try {
    const doubles: unknown = JSON.parse(text);
    return Array.isArray(doubles) ? doubles.filter((each) => typeof each === "string") : [];
  } catch {
    // Not ours.
    return [];
  }
}

/** Each text with its length before it, so that nothing in it needs an escape. */
function pack(headers: readonly string[]): Buffer {
  const pieces: Buffer[] = [];
  for (const text of headers) {
    const bytes = Buffer.from(text);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    pieces.push(length, bytes);
  }
  return Buffer.concat(pieces);
}

function unpack(bytes: Buffer): string[] {
  const headers: string[] = [];
  for (let at = 0; at + 4 <= bytes.length;) {
    const end = at + 4 + bytes.readUInt32BE(at);
    headers.push(bytes.toString("utf8", at + 4, end));
    at = end;
  }
  return headers;
}

const KEY_BYTES_MAX = 1_024;

/** Keys that begin alike for a thousand bytes share their order, which costs nothing but time. */
function orderingKey(key: string): string {
  const bytes = Buffer.from(key);
  return bytes.length <= KEY_BYTES_MAX ? key : bytes.toString("hex", 0, KEY_BYTES_MAX / 2);
}

function toBuffer(data: Uint8Array | string | null | undefined): Buffer {
  if (data === null || data === undefined) return Buffer.alloc(0);
  if (typeof data === "string") return Buffer.from(data, "base64");
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}
