import { decodeEvent, encodeEvent, MalformedEventError, messageMode } from "@kelvin/cloudevents";
import type { CloudEvent, EventEdits, EventForm, EventMessage } from "@kelvin/cloudevents";
import type { StreamRules } from "./tools.ts";

/** A message on its way, read once. */
export interface EventInHand {
  readonly headers: readonly string[];
  readonly body: Buffer;
  /** Undefined for a payload that is no CloudEvent, or that nobody looked at. */
  readonly event: CloudEvent | undefined;
}

/** Reads a message that was accepted before. What does not decode is carried as it is: it was taken, so it goes on. */
export function takeInHand(headers: readonly string[], body: Buffer): EventInHand {
  try {
    const mode = messageMode(headers);
    const event =
      mode === "binary" || mode === "structured" ? decodeEvent(headers, body, { isKnownGood: true }) : undefined;
    return { headers, body, event };
  } catch (error) {
    if (error instanceof MalformedEventError) return { headers, body, event: undefined };
    throw error;
  }
}

type Message = Pick<EventInHand, "headers" | "body">;

/** Takes a message in hand as its stream wants it. */
export function takeFor({ isOpaque = false }: StreamRules, { headers, body }: Message): EventInHand {
  return isOpaque ? { headers, body, event: undefined } : takeInHand(headers, body);
}

/** The message to send: the event in the form that is asked for, with what else its headers carry. */
export function outgoing(hand: EventInHand, form: EventForm | undefined, edits: EventEdits): EventMessage {
  const { event } = hand;
  if (event === undefined) return { headers: [...hand.headers, ...plainEdits(edits)], body: hand.body };
  if (event.form === "binary" && form !== "structured" && edits.set === undefined) return withoutSome(hand, edits);
  const message = encodeEvent(event, form === undefined ? { edits } : { form, edits });
  return { headers: [...message.headers, ...besideTheEvent(hand.headers)], body: message.body };
}

/** The headers that were taken are those of an event already: what goes on as it came needs no encoding. */
function withoutSome({ headers, body }: EventInHand, { remove = [] }: EventEdits): EventMessage {
  const kept: string[] = [];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? "";
    if (!isRemoved(name, remove)) kept.push(name, headers[index + 1] ?? "");
  }
  return { headers: kept, body };
}

function isRemoved(header: string, remove: readonly string[]): boolean {
  return remove.some((name) => header.length === name.length + 3 && header.toLowerCase() === `ce-${name}`);
}

/** Headers that are not the event's own: trace ids and the like. */
function besideTheEvent(headers: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? "";
    const lower = name.toLowerCase();
    if (lower !== "content-type" && !lower.startsWith("ce-")) kept.push(name, headers[index + 1] ?? "");
  }
  return kept;
}

/** Where there is no event to extend, what is to be said stands in headers of the same names. */
function plainEdits(edits: EventEdits): string[] {
  return Object.entries(edits.set ?? {}).flatMap(([name, value]) => [`ce-${name}`, value]);
}
