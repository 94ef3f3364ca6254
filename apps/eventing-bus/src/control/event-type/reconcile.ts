import {
  initializeEventType,
  markReferenceDoesNotExist,
  markReferenceExists,
  markReferenceNotSet,
  type EventType,
} from "@kelvin/api/eventing/v1beta3";
import { waitForEvent, type Outcome } from "@kelvin/controller";
import type { Clock } from "@kelvin/kube";
import type { Lookup } from "../destination/destinations.ts";

export interface EventTypeDeps {
  readonly clock: Pick<Clock, "now">;
  readonly lookup: Pick<Lookup, "find">;
}

/** Says in an EventType's status whether what it refers to is there. Written in any version, it refers by `reference`. */
export async function reconcileEventType(eventType: EventType, { clock, lookup }: EventTypeDeps): Promise<Outcome> {
  const now = clock.now();
  const status = initializeEventType(eventType, now);
  const { reference } = eventType.spec;
  if (reference === undefined) {
    markReferenceNotSet(status, now);
    return waitForEvent;
  }
  const { kind = "", namespace = "", name = "" } = reference;
  const text = `${kind} ${namespace}/${name}`;
  const found = await lookup.find(reference);
  if (!found.ok) markReferenceDoesNotExist(status, `${text} (${found.problem})`, now);
  else if (found.object === undefined) markReferenceDoesNotExist(status, text, now);
  else markReferenceExists(status, now);
  return waitForEvent;
}
