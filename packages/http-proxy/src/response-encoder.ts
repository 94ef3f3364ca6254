import type { BodyFraming } from "./body-framing.ts";
import {
  CONNECTION,
  KEEP_ALIVE,
  PROXY_AUTHENTICATE,
  PROXY_CONNECTION,
  TE,
  TRANSFER_ENCODING,
  UPGRADE,
  kindSet,
} from "./field-block.ts";
import { assertField } from "./header-edits.ts";
import { copyFields } from "./request-encoder.ts";
import type { ResponseHead } from "./response-head.ts";

// Not imported: an ES import of node:http evaluates its lazy exports, a WebSocket client among them (45 ms and 14 MB a process).
const { STATUS_CODES } = process.getBuiltinModule("node:http");

const alwaysDropped = kindSet(CONNECTION, KEEP_ALIVE, PROXY_CONNECTION, PROXY_AUTHENTICATE, UPGRADE, TE);
const framingSet = kindSet(TRANSFER_ENCODING);
const upgradeSet = kindSet(UPGRADE);
const oldVersionDigit = 7;

const closeLine = Buffer.from("Connection: close\r\n");
const keepAliveLine = Buffer.from("Connection: keep-alive\r\n");
const upgradeLine = Buffer.from("Connection: Upgrade\r\n");
const chunkedLine = Buffer.from("Transfer-Encoding: chunked\r\n");
const crlf = Buffer.from("\r\n");

/** How a response is passed to a client. */
export interface ResponseForm {
  readonly connection: "close" | "keep-alive" | "unsaid" | "upgrade";
  /** Whether Transfer-Encoding is dropped: the client knows no chunks, or the status allows no body. */
  readonly dropsChunks: boolean;
  /** Whether the body, which ends with the container's connection, is put into chunks. */
  readonly addsChunks: boolean;
}

const connectionLines = {
  close: closeLine,
  "keep-alive": keepAliveLine,
  upgrade: upgradeLine,
  unsaid: Buffer.alloc(0),
};

/** Encodes the head, and behind it the spans of `body` (unless they must be put into chunks), as one buffer: one write. */
export function encodeResponse(head: ResponseHead, form: ResponseForm, body: BodyFraming | undefined): Buffer {
  const { bytes, fields } = head;
  const bodyBytes = body === undefined ? 0 : spanBytes(body);
  const out = Buffer.allocUnsafe(fields.cursor + bodyBytes + 64);
  let at = bytes.copy(out, 0, 0, fields.start);
  if (head.versionMinor === 0) out[oldVersionDigit] = 49;

  let dropped = alwaysDropped;
  if (form.dropsChunks) dropped |= framingSet;
  if (form.connection === "upgrade" || head.status === 426) dropped &= ~upgradeSet;
  at = copyFields(fields, { out, at, dropped, edits: undefined });
  at += connectionLines[form.connection].copy(out, at);
  if (form.addsChunks) at += chunkedLine.copy(out, at);
  at += crlf.copy(out, at);
  if (body !== undefined) at = copySpans(bytes, body, { out, at });
  return out.subarray(0, at);
}

/** Copies the spans out of a read buffer that is about to be reused. */
export function copyBody(bytes: Buffer, body: BodyFraming): Buffer {
  const out = Buffer.allocUnsafe(spanBytes(body));
  copySpans(bytes, body, { out, at: 0 });
  return out;
}

function spanBytes({ spans, spanCount, tail }: BodyFraming): number {
  let size = tail === undefined ? 0 : tail.length;
  for (let k = 0; k < spanCount; k++) size += (spans[k * 2 + 1] as number) - (spans[k * 2] as number);
  return size;
}

function copySpans(
  bytes: Buffer,
  { spans, spanCount, tail }: BodyFraming,
  target: { out: Buffer; at: number },
): number {
  let { at } = target;
  for (let k = 0; k < spanCount; k++) at += bytes.copy(target.out, at, spans[k * 2], spans[k * 2 + 1]);
  if (tail !== undefined) at += tail.copy(target.out, at);
  return at;
}

/** A response of our own. */
export interface LocalAnswer {
  readonly status: number;
  readonly body: string | Uint8Array;
  readonly headers: Readonly<Record<string, string>> | undefined;
  /** Whether the body is left out, though its length is said. */
  readonly isHead: boolean;
  readonly connection: "close" | "keep-alive" | "unsaid";
}

/** @throws TypeError for a header that could not stand in a head, or a status that is not final. */
export function encodeAnswer({ status, body, headers, isHead, connection }: LocalAnswer): Buffer {
  if (!Number.isInteger(status) || status < 200 || status > 599) throw new TypeError(`invalid status ${status}`);
  const content = typeof body === "string" ? Buffer.from(body) : body;
  const hasNoBody = status === 204 || status === 304;
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Unknown"}\r\n`;
  let hasType = false;
  for (const [name, value] of Object.entries(headers ?? {})) {
    assertField(name, value);
    hasType ||= name.toLowerCase() === "content-type";
    head += `${name}: ${value}\r\n`;
  }
  if (!hasType && content.length > 0 && !hasNoBody) head += "Content-Type: text/plain; charset=utf-8\r\n";
  if (!hasNoBody) head += `Content-Length: ${content.length}\r\n`;
  if (connection !== "unsaid") head += `Connection: ${connection}\r\n`;
  const headBytes = Buffer.from(`${head}\r\n`, "latin1");
  return isHead || hasNoBody || content.length === 0 ? headBytes : Buffer.concat([headBytes, content]);
}
