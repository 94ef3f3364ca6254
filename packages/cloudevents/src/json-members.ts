// A strict JSON scanner (RFC 8259) that tells where the parts of a document stand and copies nothing.

/** One member of an object, as offsets into the document's bytes. */
export interface JsonMember {
  readonly name: string;
  /** Offset of the name's opening quote. */
  readonly start: number;
  /** Offset of the value's first byte. */
  readonly valueStart: number;
  /** Offset behind the value's last byte. */
  readonly end: number;
}

/** A range of bytes: `start` inclusive, `end` exclusive. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** The document is not JSON, or not the kind of JSON that was asked for. `offset` is the byte where it goes wrong. */
export class JsonSyntaxError extends Error {
  override readonly name = "JsonSyntaxError";

  readonly offset: number;

  constructor(message: string, offset: number) {
    super(`${message} at byte ${offset}`);
    this.offset = offset;
  }
}

/** Deeper documents are refused: what receives them would recurse. */
const DEPTH_MAX = 256;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;

/**
 * The members of the object that `bytes` hold, in their order. The whole document is checked, values included.
 *
 * @throws JsonSyntaxError when it is not JSON, not an object, deeper than 256, or names a member twice: two readers
 * could then see two different events.
 */
export function objectMembers(bytes: Buffer): JsonMember[] {
  const members: JsonMember[] = [];
  const names = new Set<string>();
  const start = skipSpace(bytes, 0);
  if (bytes[start] !== 0x7b) throw new JsonSyntaxError("expected a JSON object", start);
  const end = scanObject(bytes, start, {
    depth: 1,
    onMember(member) {
      if (names.has(member.name)) throw new JsonSyntaxError(`"${member.name}" is there twice`, member.start);
      names.add(member.name);
      members.push(member);
    },
  });
  expectEnd(bytes, end);
  return members;
}

/**
 * Where the elements of the array that `bytes` hold stand, in their order.
 *
 * @throws JsonSyntaxError as `objectMembers` does, and when there are more than `elementsMax`.
 */
export function arrayElements(bytes: Buffer, elementsMax: number): ByteRange[] {
  const elements: ByteRange[] = [];
  const start = skipSpace(bytes, 0);
  if (bytes[start] !== 0x5b) throw new JsonSyntaxError("expected a JSON array", start);
  const end = scanArray(bytes, start, {
    depth: 1,
    onElement(element) {
      if (elements.length === elementsMax) {
        throw new JsonSyntaxError(`more than ${elementsMax} elements`, element.start);
      }
      elements.push(element);
    },
  });
  expectEnd(bytes, end);
  return elements;
}

/** Whether `bytes` are one JSON value and nothing else. */
export function isJson(bytes: Buffer): boolean {
  try {
    expectEnd(bytes, scanValue(bytes, skipSpace(bytes, 0), 0));
    return true;
  } catch (error) {
    if (error instanceof JsonSyntaxError) return false;
    throw error;
  }
}

interface ObjectScan {
  readonly depth: number;
  readonly onMember?: (member: JsonMember) => void;
}

interface ArrayScan {
  readonly depth: number;
  readonly onElement?: (element: ByteRange) => void;
}

function expectEnd(bytes: Buffer, end: number): void {
  const at = skipSpace(bytes, end);
  if (at !== bytes.length) throw new JsonSyntaxError("more follows the document", at);
}

/** Scans the value that begins at `at`; returns the offset behind it. */
function scanValue(bytes: Buffer, at: number, depth: number): number {
  if (depth >= DEPTH_MAX) throw new JsonSyntaxError(`nested deeper than ${DEPTH_MAX}`, at);
  switch (bytes[at]) {
    case 0x7b:
      return scanObject(bytes, at, { depth: depth + 1 });
    case 0x5b:
      return scanArray(bytes, at, { depth: depth + 1 });
    case QUOTE:
      return scanString(bytes, at);
    case 0x74:
      return scanWord(bytes, at, "true");
    case 0x66:
      return scanWord(bytes, at, "false");
    case 0x6e:
      return scanWord(bytes, at, "null");
    case undefined:
      throw new JsonSyntaxError("the document ends early", at);
    default:
      return scanNumber(bytes, at);
  }
}

function scanObject(bytes: Buffer, open: number, scan: ObjectScan): number {
  let at = skipSpace(bytes, open + 1);
  if (bytes[at] === 0x7d) return at + 1;
  for (;;) {
    const start = at;
    if (bytes[at] !== QUOTE) throw new JsonSyntaxError("expected a member's name in double quotes", at);
    const nameEnd = scanString(bytes, at);
    at = skipSpace(bytes, nameEnd);
    if (bytes[at] !== COLON) throw new JsonSyntaxError("expected a colon", at);
    const valueStart = skipSpace(bytes, at + 1);
    const end = scanValue(bytes, valueStart, scan.depth);
    scan.onMember?.({ name: readString(bytes, start, nameEnd), start, valueStart, end });
    at = skipSpace(bytes, end);
    if (bytes[at] === 0x7d) return at + 1;
    if (bytes[at] !== COMMA) throw new JsonSyntaxError("expected a comma or a closing brace", at);
    at = skipSpace(bytes, at + 1);
  }
}

function scanArray(bytes: Buffer, open: number, scan: ArrayScan): number {
  let at = skipSpace(bytes, open + 1);
  if (bytes[at] === 0x5d) return at + 1;
  for (;;) {
    const end = scanValue(bytes, at, scan.depth);
    scan.onElement?.({ start: at, end });
    at = skipSpace(bytes, end);
    if (bytes[at] === 0x5d) return at + 1;
    if (bytes[at] !== COMMA) throw new JsonSyntaxError("expected a comma or a closing bracket", at);
    at = skipSpace(bytes, at + 1);
  }
}

function scanString(bytes: Buffer, open: number): number {
  let at = open + 1;
  for (;;) {
    const byte = bytes[at];
    if (byte === undefined) throw new JsonSyntaxError("a string does not end", open);
    if (byte === QUOTE) return at + 1;
    if (byte < 0x20) throw new JsonSyntaxError("a control character in a string", at);
    at = byte === BACKSLASH ? scanEscape(bytes, at) : at + 1;
  }
}

function scanEscape(bytes: Buffer, backslash: number): number {
  const kind = bytes[backslash + 1];
  if (kind === 0x75) {
    for (let at = backslash + 2; at < backslash + 6; at++) {
      if (!isHexDigit(bytes[at])) throw new JsonSyntaxError("expected four hexadecimal digits", at);
    }
    return backslash + 6;
  }
  if (kind === undefined || !ESCAPES.has(kind)) throw new JsonSyntaxError("an unknown escape", backslash);
  return backslash + 2;
}

const ESCAPES = new Set(Buffer.from('"\\/bfnrt'));

function scanWord(bytes: Buffer, at: number, word: string): number {
  const end = at + word.length;
  if (bytes.toString("latin1", at, end) !== word) throw new JsonSyntaxError("expected a JSON value", at);
  return end;
}

function scanNumber(bytes: Buffer, start: number): number {
  let at = bytes[start] === 0x2d ? start + 1 : start;
  if (bytes[at] === 0x30) at++;
  else at = scanDigits(bytes, at);
  if (bytes[at] === 0x2e) at = scanDigits(bytes, at + 1);
  if (bytes[at] === 0x65 || bytes[at] === 0x45) {
    at++;
    if (bytes[at] === 0x2b || bytes[at] === 0x2d) at++;
    at = scanDigits(bytes, at);
  }
  return at;
}

/** At least one digit, else this is no JSON value. */
function scanDigits(bytes: Buffer, start: number): number {
  let at = start;
  while (isDigit(bytes[at])) at++;
  if (at === start) throw new JsonSyntaxError("expected a JSON value", at);
  return at;
}

function skipSpace(bytes: Buffer, start: number): number {
  let at = start;
  for (;;) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
    at++;
  }
}

/** The text of the JSON string in a range that has been scanned, quotes included. */
export function readString(bytes: Buffer, start: number, end: number): string {
  const escaped = bytes.indexOf(BACKSLASH, start);
  if (escaped === -1 || escaped >= end) return bytes.toString("utf8", start + 1, end - 1);
  return JSON.parse(bytes.toString("utf8", start, end)) as string;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

function isHexDigit(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  return isDigit(byte) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);
}
