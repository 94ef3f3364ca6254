import { startsWith } from "./bytes.ts";
import {
  CONNECTION,
  EXPECT,
  FORWARDED,
  FieldBlock,
  HOST,
  HTTP2_SETTINGS,
  KEEP_ALIVE,
  PROXY_AUTHENTICATE,
  PROXY_AUTHORIZATION,
  PROXY_CONNECTION,
  STRIDE,
  TE,
  TRANSFER_ENCODING,
  UPGRADE,
  X_FORWARDED_FOR,
  X_FORWARDED_HOST,
  X_FORWARDED_PROTO,
  kindSet,
} from "./field-block.ts";
import type { HeaderEdits } from "./header-edits.ts";
import type { RequestHead } from "./request-head.ts";

/** Never passed on as they came: they speak of the client's connection only, or are written anew. */
const alwaysDropped = kindSet(
  CONNECTION,
  KEEP_ALIVE,
  PROXY_CONNECTION,
  TRANSFER_ENCODING,
  UPGRADE,
  TE,
  PROXY_AUTHENTICATE,
  PROXY_AUTHORIZATION,
  HTTP2_SETTINGS,
  X_FORWARDED_FOR,
  FORWARDED,
);
const hostSet = kindSet(HOST);
const expectSet = kindSet(EXPECT);
const forwardedSet = kindSet(X_FORWARDED_FOR, X_FORWARDED_PROTO, X_FORWARDED_HOST, FORWARDED);

const version = Buffer.from(" HTTP/1.1\r\n");
const hostName = Buffer.from("Host: ");
const crlf = Buffer.from("\r\n");
const slash = Buffer.from("/");
const chunkedLine = Buffer.from("Transfer-Encoding: chunked\r\n");
const trailersLine = Buffer.from("TE: trailers\r\n");
const noBytes = Buffer.alloc(0);

/**
 * What a client's address and the host it asks for become in each of its requests. A client asks for the same host
 * again and again, so the strings and lines are made once and compared by bytes.
 */
export class ForwardedIdentity {
  readonly remoteAddress: string;
  #authorityBytes: Buffer = noBytes;
  #authority = "";
  #host = "";
  #lines: Buffer = noBytes;

  constructor(remoteAddress: string) {
    this.remoteAddress = remoteAddress;
  }

  authority(head: RequestHead): string {
    this.#refresh(head);
    return this.#authority;
  }

  /** Lower case, without port. */
  host(head: RequestHead): string {
    this.#refresh(head);
    return this.#host;
  }

  /** The `X-Forwarded-*` and `Forwarded` lines: this client, appended to what it says itself if that is believed. */
  lines(head: RequestHead, isBelieved: boolean): Buffer {
    this.#refresh(head);
    return isBelieved && (head.fields.seen & forwardedSet) !== 0 ? this.#makeLines(head.fields) : this.#lines;
  }

  #refresh(head: RequestHead): void {
    const { bytes, authorityStart, authorityEnd } = head;
    const known = this.#authorityBytes;
    if (known.length === authorityEnd - authorityStart && startsWith(bytes, authorityStart, known)) return;
    this.#authorityBytes = Buffer.from(bytes.subarray(authorityStart, authorityEnd));
    this.#authority = bytes.toString("latin1", authorityStart, authorityEnd);
    this.#host = bytes.toString("latin1", authorityStart, head.hostEnd).toLowerCase();
    this.#lines = this.#makeLines(undefined);
  }

  #makeLines(sent: FieldBlock | undefined): Buffer {
    const { remoteAddress } = this;
    const sentFor = sent?.valueOfKind(X_FORWARDED_FOR);
    const sentForwarded = sent?.valueOfKind(FORWARDED);
    const node = remoteAddress.includes(":") ? `"[${remoteAddress}]"` : remoteAddress;
    const host = /^[\w.-]+$/.test(this.#authority) ? this.#authority : `"${this.#authority}"`;
    let lines = `X-Forwarded-For: ${sentFor === undefined ? "" : `${sentFor}, `}${remoteAddress}\r\n`;
    if (sent?.has(X_FORWARDED_PROTO) !== true) lines += "X-Forwarded-Proto: http\r\n";
    if (sent?.has(X_FORWARDED_HOST) !== true) lines += `X-Forwarded-Host: ${this.#authority}\r\n`;
    lines += `Forwarded: ${sentForwarded === undefined ? "" : `${sentForwarded}, `}for=${node};host=${host};proto=http\r\n`;
    return Buffer.from(lines, "latin1");
  }
}

/** Encodes the head that is sent to the container: what may pass, the edits, and who sent it. */
export function encodeRequestHead(
  head: RequestHead,
  identity: ForwardedIdentity,
  edits: HeaderEdits | undefined,
): Buffer {
  const { bytes, fields } = head;
  const isBelieved = edits?.distrustsForwarded !== true;
  const lines = identity.lines(head, isBelieved);
  // What is written beyond the original head: at most these, and some framing lines.
  const out = Buffer.allocUnsafe(
    fields.cursor +
      lines.length +
      (edits?.lines.length ?? 0) +
      (edits?.host?.length ?? 0) +
      head.authorityEnd -
      head.authorityStart +
      256,
  );
  let at = 0;

  if (head.isPlain) {
    at += bytes.copy(out, at, 0, fields.start);
  } else {
    at += bytes.copy(out, at, head.start, head.methodEnd + 1);
    if (head.targetStart === head.targetEnd || bytes[head.targetStart] === 63) at += slash.copy(out, at);
    at += bytes.copy(out, at, head.targetStart, head.targetEnd);
    at += version.copy(out, at);
  }

  const newHost = edits?.host;
  let dropped = alwaysDropped;
  if (newHost !== undefined || head.isAbsolute) {
    dropped |= hostSet;
    at += hostName.copy(out, at);
    at += newHost === undefined ? bytes.copy(out, at, head.authorityStart, head.authorityEnd) : newHost.copy(out, at);
    at += crlf.copy(out, at);
  }
  if (!head.expectsContinue) dropped |= expectSet;
  if (!isBelieved) dropped |= forwardedSet;

  at = copyFields(fields, { out, at, dropped, edits });
  if (fields.isChunked) at += chunkedLine.copy(out, at);
  if (fields.has(TE) && /^\s*trailers\s*$/i.test(fields.valueOfKind(TE) ?? "")) at += trailersLine.copy(out, at);
  if (head.isUpgrade)
    at += out.write(`Connection: Upgrade\r\nUpgrade: ${fields.valueOfKind(UPGRADE) ?? ""}\r\n`, at, "latin1");
  at += lines.copy(out, at);
  if (edits !== undefined) at += edits.lines.copy(out, at);
  at += crlf.copy(out, at);
  return out.subarray(0, at);
}

/** Where `copyFields` writes, and what it leaves out. */
export interface FieldCopy {
  readonly out: Buffer;
  readonly at: number;
  /** Kinds, as bits. */
  readonly dropped: number;
  readonly edits: HeaderEdits | undefined;
}

/** Copies the fields that pass, in as few runs as possible; returns where the next byte goes. */
export function copyFields(fields: FieldBlock, { out, at, dropped, edits }: FieldCopy): number {
  const { bytes, offsets, count } = fields;
  let next = at;
  if (edits === undefined && fields.listed === undefined && (fields.seen & dropped) === 0) {
    return next + bytes.copy(out, next, fields.start, fields.cursor);
  }
  let runStart = fields.start;
  for (let index = 0; index < count; index++) {
    const nameStart = offsets[index * STRIDE] as number;
    const passes =
      ((dropped >>> (offsets[index * STRIDE + 4] as number)) & 1) === 0 &&
      !(edits !== undefined && edits.drops(bytes, nameStart, offsets[index * STRIDE + 1] as number)) &&
      !(fields.listed !== undefined && fields.isListed(index));
    if (passes) continue;
    if (nameStart > runStart) next += bytes.copy(out, next, runStart, nameStart);
    runStart = fields.lineEnd(index);
  }
  if (fields.cursor > runStart) next += bytes.copy(out, next, runStart, fields.cursor);
  return next;
}
