import { initializeStatus } from "../../meta/status.ts";
import { eventTypeReasons } from "../v1/reasons.ts";
import { EventType, eventTypeConditions, type EventTypeStatus } from "./event-type.types.ts";

const set = EventType.conditions;
const { referenceExists } = eventTypeConditions;

/** Adds the conditions that are absent and returns the status. */
export function initializeEventType(eventType: EventType, now: Date): EventTypeStatus {
  return initializeStatus(EventType, eventType, now) as EventTypeStatus;
}

/** What the EventType refers to is there. */
export function markReferenceExists(status: EventTypeStatus, now: Date): void {
  set.markTrue(status, { type: referenceExists }, now);
}

/** The EventType refers to nothing, which is fine. */
export function markReferenceNotSet(status: EventTypeStatus, now: Date): void {
  const message = "Reference field is not set";
  set.markTrue(status, { type: referenceExists, reason: eventTypeReasons.referenceNotSet, message }, now);
}

/** What the EventType refers to is not there. */
export function markReferenceDoesNotExist(status: EventTypeStatus, name: string, now: Date): void {
  const message = `Reference ${name} does not exist`;
  set.markFalse(status, { type: referenceExists, reason: eventTypeReasons.referenceDoesNotExist, message }, now);
}
