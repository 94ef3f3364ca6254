// CloudEvents HTTP binding 1.0.2, reading. What arrived stays as it is; only the attributes are read out of it.
import { isUtf8 } from "node:buffer";
import { checkAttributes, checkName, checkRequired, readSpecVersion, shown } from "./attribute-rules.ts";
import type { BinaryEvent, CloudEvent, StructuredEvent } from "./event.ts";
import { decodeHeaderValue } from "./header-value.ts";
import { arrayElements, JsonSyntaxError, objectMembers, readString } from "./json-members.ts";
import type { JsonMember } from "./json-members.ts";
import { MalformedEventError } from "./malformed-event-error.ts";
import { essence } from "./media-type.ts";
import type { MessageMode } from "./media-type.ts";

/**
 * Headers as Node's `rawHeaders`: name, value, name, value; names in any case, doubles kept, one character a byte.
 */
export type RawHeaders = readonly string[];

const PREFIX = "ce-";

/**
 * How a message carries CloudEvents, by its headers alone.
 *
 * @throws MalformedEventError with status 415 for a CloudEvents format other than JSON, 400 for two content types.
 */
export function messageMode(headers: RawHeaders): MessageMode {
  const contentType = singleHeader(headers, "content-type");
  const type = contentType === undefined ? "" : essence(contentType);
  if (type === "application/cloudevents+json") return "structured";
  if (type === "application/cloudevents-batch+json") return "batch";
  if (type.startsWith("application/cloudevents")) {
    throw new MalformedEventError(
      `content-type: "${shown(type)}" is not spoken here; send application/cloudevents+json, ` +
        "application/cloudevents-batch+json, or the attributes as ce- headers",
      415,
    );
  }
  return singleHeader(headers, "ce-specversion") === undefined ? "none" : "binary";
}

/** How a message is read. */
export interface DecodeOptions {
  /**
   * It was decoded before: attributes in headers are read without being judged again, but for those that every event has.
   */
  readonly isKnownGood?: boolean;
}

/**
 * Reads the one event of a message, in the binary or the structured mode. `body` is kept, not copied.
 *
 * @throws MalformedEventError when it is none, with what to change. A batch is refused with 400: use `decodeBatch`.
 */
export function decodeEvent(headers: RawHeaders, body: Buffer, options: DecodeOptions = {}): CloudEvent {
  switch (messageMode(headers)) {
    case "binary":
      return options.isKnownGood === true ? readBinary(headers, body) : decodeBinary(headers, body);
    case "structured":
      return decodeStructured(body);
    case "batch":
      throw new MalformedEventError("a batch is not accepted here: send one event a request");
    default:
      throw new MalformedEventError(
        "not a CloudEvent: send ce-specversion, ce-id, ce-source and ce-type headers, or application/cloudevents+json",
      );
  }
}

/**
 * Splits a batch into its events, each a slice of `body`.
 *
 * @param eventsMax More are refused.
 * @throws MalformedEventError that names the element; then none of the batch may be accepted.
 */
export function decodeBatch(body: Buffer, eventsMax: number): StructuredEvent[] {
  const elements = asMalformed("batch", () => arrayElements(requireUtf8(body), eventsMax));
  return elements.map(({ start, end }, index) => {
    try {
      return decodeStructured(body.subarray(start, end));
    } catch (error) {
      if (!(error instanceof MalformedEventError)) throw error;
      throw new MalformedEventError(`event ${index} of the batch: ${error.message}`, error.status);
    }
  });
}

function readBinary(headers: RawHeaders, body: Buffer): BinaryEvent {
  const attributes = new Map<string, string>();
  let dataContentType: string | undefined;
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const header = (headers[index] ?? "").toLowerCase();
    const value = headers[index + 1] ?? "";
    if (header === "content-type") dataContentType = value;
    else if (header.startsWith(PREFIX)) attributes.set(header.slice(PREFIX.length), decodeHeaderValue(header, value));
  }
  const specVersion = readSpecVersion(attributes.get("specversion"));
  attributes.delete("specversion");
  checkRequired(attributes);
  return { form: "binary", specVersion, attributes, dataContentType, body };
}

function decodeBinary(headers: RawHeaders, body: Buffer): BinaryEvent {
  const attributes = new Map<string, string>();
  let dataContentType: string | undefined;
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const header = (headers[index] ?? "").toLowerCase();
    const value = headers[index + 1] ?? "";
    if (header === "content-type") dataContentType = value;
    if (!header.startsWith(PREFIX)) continue;
    const name = header.slice(PREFIX.length);
    if (attributes.has(name)) throw new MalformedEventError(`${header}: the header is there twice`);
    if (name === "datacontenttype") {
      throw new MalformedEventError("ce-datacontenttype: in the binary mode this is the content-type header");
    }
    checkName(name, attributes.size);
    attributes.set(name, decodeHeaderValue(header, value));
  }
  const specVersion = readSpecVersion(attributes.get("specversion"));
  attributes.delete("specversion");
  checkAttributes(specVersion, attributes, dataContentType);
  return { form: "binary", specVersion, attributes, dataContentType, body };
}

function decodeStructured(body: Buffer): StructuredEvent {
  const members = asMalformed("body", () => objectMembers(requireUtf8(body)));
  const attributes = new Map<string, string>();
  const data = new Set<string>();
  for (const member of members) {
    if (member.name === "data" || member.name === "data_base64") {
      data.add(member.name);
      continue;
    }
    checkName(member.name, attributes.size);
    const value = readAttribute(body, member);
    if (value !== undefined) attributes.set(member.name, value);
  }
  const specVersion = readSpecVersion(attributes.get("specversion"));
  checkData(specVersion, data);
  const dataContentType = attributes.get("datacontenttype");
  attributes.delete("specversion");
  attributes.delete("datacontenttype");
  checkAttributes(specVersion, attributes, dataContentType);
  return { form: "structured", specVersion, attributes, dataContentType, body, members };
}

function checkData(specVersion: string, data: ReadonlySet<string>): void {
  if (data.size === 2) throw new MalformedEventError("data and data_base64: only one of them is allowed");
  if (specVersion === "0.3" && data.has("data_base64")) {
    throw new MalformedEventError("data_base64: unknown to version 0.3; use data with datacontentencoding base64");
  }
}

/** Attributes that the specification gives the type String, URI or Timestamp; extensions may be boolean or integer. */
const TEXT_ONLY = new Set(
  "specversion id source type subject time dataschema schemaurl datacontenttype datacontentencoding".split(" "),
);

/** An attribute's canonical string; undefined for null, which means absent. */
function readAttribute(body: Buffer, member: JsonMember): string | undefined {
  const { name, valueStart, end } = member;
  if (body[valueStart] === 0x22) return readString(body, valueStart, end);
  const text = body.toString("latin1", valueStart, end);
  if (text === "null") return undefined;
  if (TEXT_ONLY.has(name)) throw new MalformedEventError(`${name}: must be a string`);
  if (text === "true" || text === "false") return text;
  if (/^(0|-?[1-9]\d{0,9})$/.test(text) && Number(text) === (Number(text) | 0)) return text;
  throw new MalformedEventError(`${name}: must be a string, a boolean or an integer of 32 bits`);
}

function requireUtf8(body: Buffer): Buffer {
  if (!isUtf8(body)) throw new MalformedEventError("body: not UTF-8");
  return body;
}

function asMalformed<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw new MalformedEventError(`${what}: not valid JSON: ${error.message}`);
    throw error;
  }
}

function singleHeader(headers: RawHeaders, wanted: string): string | undefined {
  let found: string | undefined;
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? "";
    if (name.length !== wanted.length || name.toLowerCase() !== wanted) continue;
    if (found !== undefined) throw new MalformedEventError(`${wanted}: the header is there twice`);
    found = headers[index + 1];
  }
  return found;
}
