// What a context attribute may be: CloudEvents 1.0.2, sections 2 and 3.
import type { SpecVersion } from "./event.ts";
import { MalformedEventError } from "./malformed-event-error.ts";

/** Attributes an event may carry; senders that exceed it are broken, and each one costs every consumer. */
export const ATTRIBUTES_MAX = 128;

const NAME = /^[a-z0-9]+$/;
const REQUIRED = ["id", "source", "type"] as const;
/** RFC 3339; kept as text, so that no digit and no offset is lost. */
const TIMESTAMP =
  /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/i;
const MEDIA_TYPE = /^[!#$%&'*+.^_`|~\w-]+\/[!#$%&'*+.^_`|~\w-]+\s*(;.*)?$/s;
/** The characters of an URI-reference (RFC 3986), and those beyond ASCII that senders leave unescaped. */
const URI_REFERENCE = /^[^\s"<>\\^`{|}\p{Cc}]+$/u;
const CONTROL = /\p{Cc}/u;

/** The version of an event, from its own text. */
export function readSpecVersion(text: string | undefined): SpecVersion {
  if (text === "1.0" || text === "0.3") return text;
  if (text === undefined) throw new MalformedEventError('specversion: missing; allowed are "1.0" and "0.3"');
  throw new MalformedEventError(`specversion: "${shown(text)}" is not supported; allowed are "1.0" and "0.3"`);
}

/** Refuses a name that no CloudEvent may have, and one event with too many. */
export function checkName(name: string, count: number): void {
  if (!NAME.test(name)) {
    throw new MalformedEventError(`"${shown(name)}" is no attribute name: only a-z and 0-9 are allowed`);
  }
  if (name === "data") throw new MalformedEventError('"data" is no attribute name: it is reserved');
  if (count > ATTRIBUTES_MAX) throw new MalformedEventError(`more than ${ATTRIBUTES_MAX} attributes`);
}

/**
 * Refuses an event without its required attributes, or with one whose value its type does not allow.
 *
 * @throws MalformedEventError that names the attribute.
 */
export function checkAttributes(
  specVersion: SpecVersion,
  attributes: ReadonlyMap<string, string>,
  dataContentType: string | undefined,
): void {
  checkRequired(attributes);
  for (const [name, value] of attributes) {
    if (CONTROL.test(value)) throw new MalformedEventError(`${name}: control characters are not allowed`);
  }
  const schemaName = specVersion === "1.0" ? "dataschema" : "schemaurl";
  check("source", attributes.get("source"), { allowed: URI_REFERENCE, what: "a URI-reference" });
  check("subject", attributes.get("subject"), { allowed: /./s, what: "a non-empty text" });
  check("time", attributes.get("time"), { allowed: TIMESTAMP, what: "an RFC 3339 time such as 2024-01-31T12:00:00Z" });
  check(schemaName, attributes.get(schemaName), { allowed: URI_REFERENCE, what: "a URI" });
  check("datacontenttype", dataContentType, { allowed: MEDIA_TYPE, what: "a media type such as application/json" });
}

/** Refuses an event without its required attributes. @throws MalformedEventError that names the attribute. */
export function checkRequired(attributes: ReadonlyMap<string, string>): void {
  for (const name of REQUIRED) {
    const value = attributes.get(name);
    if (value === undefined || value === "") throw new MalformedEventError(`${name}: missing or empty`);
  }
}

function check(name: string, value: string | undefined, rule: { allowed: RegExp; what: string }): void {
  if (value !== undefined && !rule.allowed.test(value)) {
    throw new MalformedEventError(`${name}: "${shown(value)}" is not ${rule.what}`);
  }
}

/** A sender's text in an error message: bounded, on one line. */
export function shown(text: string): string {
  const line = text.replace(/\p{Cc}/gu, "?");
  return line.length <= 64 ? line : `${line.slice(0, 61)}...`;
}
