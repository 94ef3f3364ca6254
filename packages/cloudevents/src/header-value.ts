// Attribute values in HTTP headers: CloudEvents HTTP binding 1.0.2, section 3.1.3.2.
import { isUtf8 } from "node:buffer";
import { MalformedEventError } from "./malformed-event-error.ts";

/** Everything that needs no encoding: printable ASCII but space, double quote and percent. */
const PLAIN = /^[!#$&-~]*$/;
const NEEDS_ENCODING = /[^!#$&-~]/gu;

/**
 * An attribute's value as a header's: space, `"`, `%` and all but printable ASCII are percent-encoded as UTF-8.
 * A lone surrogate, which UTF-8 cannot express, becomes U+FFFD.
 */
export function encodeHeaderValue(value: string): string {
  return PLAIN.test(value) ? value : value.replace(NEEDS_ENCODING, percentEncode);
}

function percentEncode(character: string): string {
  let encoded = "";
  for (const byte of Buffer.from(character, "utf8")) encoded += `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  return encoded;
}

/**
 * A header's value as an attribute's. A quoted value is unquoted, one round of percent-decoding follows, and the bytes
 * must be UTF-8. A percent sign that begins no escape stands for itself.
 *
 * @param raw The value as Node's parser gives it: one character a byte.
 * @throws MalformedEventError when the bytes are not UTF-8.
 */
export function decodeHeaderValue(name: string, raw: string): string {
  if (PLAIN.test(raw)) return raw;
  const text = raw.length >= 2 && raw.startsWith('"') && raw.endsWith('"') ? unquote(raw) : raw;
  const bytes = Buffer.from(
    text.replace(/%([0-9a-f]{2})/giu, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1",
  );
  if (!isUtf8(bytes)) throw new MalformedEventError(`${name}: not UTF-8 (after percent-decoding)`);
  return bytes.toString("utf8");
}

function unquote(raw: string): string {
  return raw.slice(1, -1).replace(/\\(.)/gsu, "$1");
}
