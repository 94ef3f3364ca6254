import { isRecord, setField, type JsonObject } from "../api-object.ts";
import { findKindType, hasGroup, type Field, type MessageType } from "../fields/message-types.ts";
import { badRequest, unsupportedMediaType } from "../status-error.ts";
import { isZero, readScalar, wireTypeOf } from "./scalars.ts";
import { WireReader, type WireType } from "./wire-reader.ts";

// Go's typed clients send objects as protobuf: four magic bytes, then an envelope (runtime.Unknown) that names the kind
// and holds the object. The result is the JSON that the same client would have sent.

const magic = Buffer.from("k8s\0");
const nestingMax = 500;
/** Two bytes can stand for an empty object, so what is decoded is bounded by its objects and items, not by bytes. */
const itemsMax = 200_000;

interface Decoding {
  depth: number;
  items: number;
}

/**
 * Reads a protobuf body as the object it stands for, with its apiVersion and kind.
 *
 * @throws StatusError 400 for what is malformed or of an unknown kind, 415 for a group without protobuf (custom resources).
 */
export function decodeProtobufBody(body: Buffer): JsonObject {
  return decodeEnvelope(body, { depth: 0, items: 0 });
}

function decodeEnvelope(body: Buffer, decoding: Decoding): JsonObject {
  if (!body.subarray(0, magic.length).equals(magic)) {
    throw badRequest(
      "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0] of a Kubernetes object",
    );
  }
  const { apiVersion, kind, contentEncoding, raw } = readEnvelope(new WireReader(body, magic.length));
  if (kind === "") throw badRequest("Object 'Kind' is missing in the protobuf body");
  if (apiVersion === "") throw badRequest("Object 'apiVersion' is missing in the protobuf body");
  if (contentEncoding !== "") throw badRequest(`the protobuf body is encoded as ${JSON.stringify(contentEncoding)}`);
  const type = findKindType(apiVersion, kind);
  if (type === undefined) throw unknownKind(apiVersion, kind);
  const object: JsonObject = { apiVersion, kind };
  readMessage(raw, { type, target: object, decoding });
  return object;
}

interface Envelope {
  apiVersion: string;
  kind: string;
  contentEncoding: string;
  raw: WireReader;
}

function readEnvelope(reader: WireReader): Envelope {
  const envelope: Envelope = { apiVersion: "", kind: "", contentEncoding: "", raw: new WireReader(Buffer.alloc(0)) };
  while (!reader.isAtEnd) {
    const { number, wireType } = reader.readTag();
    if (wireType !== "bytes") reader.skip(wireType);
    else if (number === 1) readTypeMeta(reader.readBlock(), envelope);
    else if (number === 2) envelope.raw = reader.readBlock();
    else if (number === 3) envelope.contentEncoding = reader.readBlock().takeText();
    else reader.skip(wireType);
  }
  return envelope;
}

function readTypeMeta(reader: WireReader, envelope: Envelope): void {
  while (!reader.isAtEnd) {
    const { number, wireType } = reader.readTag();
    if (wireType === "bytes" && number === 1) envelope.apiVersion = reader.readBlock().takeText();
    else if (wireType === "bytes" && number === 2) envelope.kind = reader.readBlock().takeText();
    else reader.skip(wireType);
  }
}

function unknownKind(apiVersion: string, kind: string): Error {
  if (!hasGroup(apiVersion)) {
    return unsupportedMediaType(
      ["application/json", "application/yaml"],
      `; ${apiVersion} ${kind} has no protobuf form: send JSON`,
    );
  }
  return badRequest(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
}

interface Place {
  readonly type: MessageType;
  /** Receives the fields; those of a message that is sent in parts are merged. */
  readonly target: JsonObject;
  readonly decoding: Decoding;
}

function readMessage(reader: WireReader, place: Place): void {
  const { decoding, type } = place;
  if (decoding.depth >= nestingMax) throw reader.malformed(`it is nested more than ${nestingMax} levels deep`);
  decoding.depth += 1;
  while (!reader.isAtEnd) {
    const { number, wireType } = reader.readTag();
    const field = type.byNumber.get(number);
    // A newer client may know more fields. Go's servers pass over them as well.
    if (field === undefined) reader.skip(wireType);
    else readField(reader, { ...place, field, wireType });
  }
  decoding.depth -= 1;
}

interface FieldPlace extends Place {
  readonly field: Field;
  readonly wireType: WireType;
}

function readField(reader: WireReader, place: FieldPlace): void {
  const { field, target, wireType } = place;
  if (field.shape === "map") return readMapEntry(reader, place);
  const expected = typeof field.type === "string" ? wireTypeOf(field.type) : "bytes";
  if (field.shape === "list") return readItems(reader, place, expected);
  checkWireType(reader, place, wireType === expected);
  if (typeof field.type !== "string" && field.name === "") {
    return readMessage(reader.readBlock(), { ...place, type: field.type });
  }
  const value = readValue(reader, place, target[field.name]);
  const isAbsent = value === undefined || (!field.isPointer && !isWritten(field) && isZero(value));
  if (isAbsent) delete target[field.name];
  else target[field.name] = value;
}

/** Whether Go writes the zero of this field. An IntOrString is written, yet its zero means the default everywhere. */
function isWritten({ isRequired, type }: Field): boolean {
  return isRequired && type !== "o";
}

function checkWireType(reader: WireReader, { type, field, wireType }: FieldPlace, isRight: boolean): void {
  if (!isRight) throw reader.malformed(`${type.name}.${field.name || field.number} must not be sent as ${wireType}`);
}

function readItems(reader: WireReader, place: FieldPlace, expected: WireType): void {
  const { field, target, wireType } = place;
  const list = Array.isArray(target[field.name]) ? (target[field.name] as unknown[]) : [];
  target[field.name] = list;
  const isPacked = wireType === "bytes" && expected !== "bytes";
  checkWireType(reader, place, wireType === expected || isPacked);
  const items = isPacked ? reader.readBlock() : reader;
  do list.push(readValue(items, place, undefined) ?? null);
  while (isPacked && !items.isAtEnd);
}

function readMapEntry(reader: WireReader, place: FieldPlace): void {
  const { field, target, wireType } = place;
  checkWireType(reader, place, wireType === "bytes");
  const entry = reader.readBlock();
  const expected = typeof field.type === "string" ? wireTypeOf(field.type) : "bytes";
  let key = "";
  let value: unknown;
  while (!entry.isAtEnd) {
    const tag = entry.readTag();
    if (tag.number === 1 && tag.wireType === "bytes") key = entry.readBlock().takeText();
    else if (tag.number !== 2) entry.skip(tag.wireType);
    else {
      checkWireType(entry, { ...place, wireType: tag.wireType }, tag.wireType === expected);
      value = readValue(entry, place, undefined);
    }
  }
  const map = isRecord(target[field.name]) ? (target[field.name] as JsonObject) : {};
  target[field.name] = map;
  setField(map, key, value ?? emptyValueOf(field));
}

function emptyValueOf({ type }: Field): unknown {
  if (type === "s" || type === "y") return "";
  return typeof type === "string" ? null : type.json === "list" ? [] : {};
}

function readValue(reader: WireReader, { field, decoding }: FieldPlace, before: unknown): unknown {
  const { type } = field;
  if (field.shape !== "single" || typeof type !== "string") decoding.items += 1;
  if (decoding.items > itemsMax) throw reader.malformed(`it has more than ${itemsMax} objects and items`);
  if (typeof type === "string") {
    const value = readScalar(reader, type);
    return Buffer.isBuffer(value) ? readRaw(reader, value, decoding) : value;
  }
  const target = isRecord(before) ? before : {};
  readMessage(reader.readBlock(), { type, target, decoding });
  if (type.json === "object") return target;
  return type.json === "list" ? (target["items"] ?? []) : unionValue(type, target);
}

/** A schema, or a list, or a boolean: which one is sent decides what the JSON is. */
function unionValue(type: MessageType, sent: JsonObject): unknown {
  const list = [...type.byName.values()].find(({ shape }) => shape === "list");
  const value = (list === undefined ? undefined : sent[list.name]) ?? sent["schema"];
  if (value !== undefined || !type.byName.has("allows")) return value;
  return sent["allows"] === true;
}

/** JSON inside protobuf; an object of a built-in kind may be protobuf again. */
function readRaw(reader: WireReader, raw: Buffer, decoding: Decoding): unknown {
  if (raw.length === 0) return undefined;
  if (raw.subarray(0, magic.length).equals(magic)) {
    decoding.depth += 1;
    if (decoding.depth >= nestingMax) throw reader.malformed(`it is nested more than ${nestingMax} levels deep`);
    const object = decodeEnvelope(raw, decoding);
    decoding.depth -= 1;
    return object;
  }
  try {
    return JSON.parse(new WireReader(raw).takeText()) as unknown;
  } catch {
    throw reader.malformed("a field of raw JSON holds none");
  }
}
