import type { JsonMember } from "./json-members.ts";

/** The versions that pass through unchanged; 0.1 is written only (`encodeEventV01`). */
export type SpecVersion = "1.0" | "0.3";

/** The two ways to write one event into a message (CloudEvents HTTP binding, section 3). */
export type EventForm = "binary" | "structured";

interface EventBase {
  readonly specVersion: SpecVersion;
  /**
   * The context attributes except `specversion` and `datacontenttype`: `id`, `source`, `type` always, all names lower
   * case. A value is the attribute's canonical string, decoded; a boolean or integer of the JSON form is written out.
   */
  readonly attributes: ReadonlyMap<string, string>;
  /** `datacontenttype`; in the structured form without one, undefined means JSON. */
  readonly dataContentType: string | undefined;
}

/** An event whose attributes are headers and whose body is the data, byte for byte. */
export interface BinaryEvent extends EventBase {
  readonly form: "binary";
  /** The data. Empty means that there is none. */
  readonly body: Buffer;
}

/** An event that is one JSON document. */
export interface StructuredEvent extends EventBase {
  readonly form: "structured";
  /** The document as it arrived. */
  readonly body: Buffer;
  /** Where each member of the document stands in `body`. */
  readonly members: readonly JsonMember[];
}

/** A CloudEvent in the form it came in. Treat it as frozen: several consumers share it. */
export type CloudEvent = BinaryEvent | StructuredEvent;

/**
 * The value of any attribute as a filter sees it, `specversion` and `datacontenttype` among them; undefined when absent.
 */
export function eventAttribute(event: CloudEvent, name: string): string | undefined {
  if (name === "specversion") return event.specVersion;
  if (name === "datacontenttype") return event.dataContentType;
  return event.attributes.get(name);
}
