// CloudEvents HTTP binding 1.0.2, writing. An event that keeps its form keeps its bytes.
import type { BinaryEvent, CloudEvent, EventForm, StructuredEvent } from "./event.ts";
import { encodeHeaderValue } from "./header-value.ts";
import { isJson, readString } from "./json-members.ts";
import type { ByteRange, JsonMember } from "./json-members.ts";
import { isJsonType } from "./media-type.ts";

/** The HTTP message of an event: headers as name, value, name, value; and the body. */
export interface EventMessage {
  readonly headers: string[];
  readonly body: Buffer;
}

/** What is changed on the way; names as in `CloudEvent.attributes`. */
export interface EventEdits {
  /** Set, or replaced. Values are strings; empty ones are allowed. */
  readonly set?: Readonly<Record<string, string>>;
  readonly remove?: readonly string[];
}

/** @param form Default: the form the event came in, with its body untouched but for the edits. */
export interface EncodeOptions {
  readonly form?: EventForm;
  readonly edits?: EventEdits;
}

const STRUCTURED_TYPE = "application/cloudevents+json; charset=utf-8";

/**
 * Writes an event as an HTTP message. In the event's own form the body is its own (structured with edits: copied with
 * the named members cut out and the new ones put in front, every other byte as it was).
 *
 * From structured to binary, JSON data is the very slice of the document; attributes that were booleans or integers
 * become their canonical strings. From binary to structured, all attributes are strings; data that claims to be JSON and
 * is not, or is not text, goes as base64.
 */
export function encodeEvent(event: CloudEvent, options: EncodeOptions = {}): EventMessage {
  const form = options.form ?? event.form;
  if (form === "binary") {
    return event.form === "binary"
      ? binaryMessage(event, options.edits)
      : binaryMessage(toBinary(event), options.edits);
  }
  return event.form === "structured"
    ? structuredMessage(editDocument(event, options.edits))
    : structuredMessage(toDocument(event, options.edits));
}

/** The attributes after the edits, without `specversion` and `datacontenttype`. */
export function editedAttributes(event: CloudEvent, edits: EventEdits | undefined): ReadonlyMap<string, string> {
  if (edits === undefined) return event.attributes;
  const attributes = new Map(event.attributes);
  for (const name of edits.remove ?? []) attributes.delete(name);
  for (const [name, value] of Object.entries(edits.set ?? {})) attributes.set(name, value);
  return attributes;
}

const nothing: Readonly<Record<string, string>> = {};
const none: readonly string[] = [];

function binaryMessage(event: BinaryEvent, edits: EventEdits | undefined): EventMessage {
  const headers = ["ce-specversion", event.specVersion];
  const { set = nothing, remove = none } = edits ?? {};
  for (const [name, value] of event.attributes) {
    if (Object.hasOwn(set, name)) headers.push(`ce-${name}`, encodeHeaderValue(set[name] ?? ""));
    else if (!remove.includes(name)) headers.push(`ce-${name}`, encodeHeaderValue(value));
  }
  for (const [name, value] of Object.entries(set)) {
    if (!event.attributes.has(name)) headers.push(`ce-${name}`, encodeHeaderValue(value));
  }
  if (event.dataContentType !== undefined) headers.push("content-type", event.dataContentType);
  return { headers, body: event.body };
}

function structuredMessage(body: Buffer): EventMessage {
  return { headers: ["content-type", STRUCTURED_TYPE], body };
}

/** The same event with its attributes outside the data. */
export function toBinary(event: StructuredEvent): BinaryEvent {
  const { specVersion, body } = event;
  const member = event.members.find(({ name }) => name === "data" || name === "data_base64");
  const encoded = member?.name === "data_base64" || event.attributes.get("datacontentencoding") === "base64";
  const attributes = editedAttributes(event, encoded ? { remove: ["datacontentencoding"] } : undefined);
  if (member === undefined) {
    return { form: "binary", specVersion, attributes, dataContentType: event.dataContentType, body: Buffer.alloc(0) };
  }
  return {
    form: "binary",
    specVersion,
    attributes,
    dataContentType: event.dataContentType ?? "application/json",
    body: dataBytes(body, member, { encoded, isJson: isJsonType(event.dataContentType) }),
  };
}

function dataBytes(document: Buffer, member: JsonMember, kind: { encoded: boolean; isJson: boolean }): Buffer {
  const isText = document[member.valueStart] === 0x22;
  if (isText && kind.encoded) return Buffer.from(readString(document, member.valueStart, member.end), "base64");
  if (isText && !kind.isJson) return Buffer.from(readString(document, member.valueStart, member.end), "utf8");
  return document.subarray(member.valueStart, member.end);
}

/** The document with members cut out and put in; the same buffer when nothing changes. */
function editDocument(event: StructuredEvent, edits: EventEdits | undefined): Buffer {
  const set = Object.entries(edits?.set ?? {});
  const gone = new Set([...(edits?.remove ?? []), ...set.map(([name]) => name)]);
  if (set.length === 0 && !event.members.some(({ name }) => gone.has(name))) return event.body;
  const parts: Buffer[] = set.map(([name, value]) => Buffer.from(memberText(name, value)));
  for (const { start, end } of keptRuns(event.members, gone)) parts.push(event.body.subarray(start, end));
  return joinMembers(parts);
}

/** Members that stay neighbours are copied in one piece, with whatever stands between them. */
function keptRuns(members: readonly JsonMember[], gone: ReadonlySet<string>): ByteRange[] {
  const runs: { start: number; end: number }[] = [];
  let open = false;
  for (const { name, start, end } of members) {
    const last = runs.at(-1);
    if (gone.has(name)) open = false;
    else if (open && last !== undefined) last.end = end;
    else {
      runs.push({ start, end });
      open = true;
    }
  }
  return runs;
}

/** A binary event as a document. */
function toDocument(event: BinaryEvent, edits: EventEdits | undefined): Buffer {
  const parts: Buffer[] = [Buffer.from(memberText("specversion", event.specVersion))];
  for (const [name, value] of editedAttributes(event, edits)) parts.push(Buffer.from(memberText(name, value)));
  if (event.dataContentType !== undefined) {
    parts.push(Buffer.from(memberText("datacontenttype", event.dataContentType)));
  }
  if (event.body.length > 0) parts.push(...dataMembers(event));
  return joinMembers(parts);
}

function dataMembers(event: BinaryEvent): Buffer[] {
  const { body } = event;
  // An attribute of 0.3 that says how the bytes are encoded holds for the JSON form too.
  if (event.attributes.has("datacontentencoding")) return [Buffer.from(memberText("data", body.toString("latin1")))];
  if (isJsonType(event.dataContentType) && isJson(body)) return [Buffer.concat([Buffer.from('"data":'), body])];
  const text = body.toString("utf8");
  if (!isJsonType(event.dataContentType) && Buffer.from(text).equals(body)) {
    return [Buffer.from(memberText("data", text))];
  }
  const encoded = body.toString("base64");
  if (event.specVersion === "1.0") return [Buffer.from(memberText("data_base64", encoded))];
  return [Buffer.from(memberText("datacontentencoding", "base64")), Buffer.from(memberText("data", encoded))];
}

function memberText(name: string, value: string): string {
  return `${JSON.stringify(name)}:${JSON.stringify(value)}`;
}

function joinMembers(parts: readonly Buffer[]): Buffer {
  const pieces: Buffer[] = [];
  for (const part of parts) pieces.push(pieces.length === 0 ? OPEN : COMMA, part);
  if (pieces.length === 0) pieces.push(OPEN);
  return Buffer.concat([...pieces, CLOSE]);
}

const OPEN = Buffer.from("{");
const COMMA = Buffer.from(",");
const CLOSE = Buffer.from("}");
