import type { CloudEvent } from "@kelvin/cloudevents";

/** Passes through one broker before an event counts as lost in a loop. */
const TTL_MAX = 255;

/** Attributes that a broker sets for itself, and shows to nobody else. */
export const brokerPrivateAttributes = ["knativebrokerttl"] as const;

/**
 * What an event may still pass through after this broker: one less than it says, or 255 when it says nothing that can be
 * read. Undefined: this was once too often.
 */
export function nextTimeToLive(event: CloudEvent): number | undefined {
  const text = event.attributes.get("knativebrokerttl");
  if (text === undefined || !/^-?\d{1,9}$/.test(text)) return TTL_MAX;
  const left = Number(text) - 1;
  return left <= 0 ? undefined : left;
}
