// CloudEvents 0.1, for receivers of the first sources. It is written, never read: channels of that time pass it through.
import type { EventMessage } from "./encode.ts";

/** An event of version 0.1; every text is written as it is. */
export interface EventV01 {
  readonly eventType: string;
  readonly eventTypeVersion?: string;
  readonly source: string;
  readonly eventId: string;
  /** RFC 3339. */
  readonly eventTime?: string;
  readonly schemaUrl?: string;
  readonly contentType?: string;
  /** Values are written as JSON. */
  readonly extensions?: Readonly<Record<string, unknown>>;
  readonly data: Buffer;
}

const NAME = /^[!#$%&'*+.^_`|~\w-]+$/;

/**
 * The binary HTTP message of an event: `CE-EventType` and the like, extensions as `CE-X-<name>` with JSON values.
 *
 * @throws RangeError for an extension whose name no header may have.
 */
export function encodeEventV01(event: EventV01): EventMessage {
  const headers = ["CE-CloudEventsVersion", "0.1"];
  const add = (name: string, value: string | undefined): void => {
    if (value !== undefined) headers.push(name, asciiOnly(value));
  };
  add("CE-EventID", event.eventId);
  add("CE-EventType", event.eventType);
  add("CE-EventTypeVersion", event.eventTypeVersion);
  add("CE-EventTime", event.eventTime);
  add("CE-SchemaURL", event.schemaUrl);
  add("CE-Source", event.source);
  add("Content-Type", event.contentType);
  for (const [name, value] of Object.entries(event.extensions ?? {})) {
    if (!NAME.test(name)) throw new RangeError(`extension "${name}": not allowed in the name of a header`);
    add(`CE-X-${name}`, JSON.stringify(value));
  }
  return { headers, body: event.data };
}

/** Version 0.1 knows no encoding of header values; what ASCII cannot hold is escaped as in JSON. */
function asciiOnly(value: string): string {
  return value.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
