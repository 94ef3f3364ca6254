import { eventAttribute } from "@kelvin/cloudevents";
import type { HeldRecord } from "../bus.ts";
import { deadLetter, store } from "./dead-letter.ts";
import type { Job, StepResult } from "./job.ts";
import type { DeliveryTools } from "./tools.ts";

/** Processes that may die over one event before it is set aside. */
const LOST_HOLDERS_MAX = 3;
/** What part of its time with the broker may pass before somebody is told. */
const AGING = 0.8;
/** So long before the broker removes an event it is moved, or in the last tenth of a short life: an attempt takes its time. */
const EXPIRING_MS = 10 * 60_000;
const EXPIRING = 0.1;

/**
 * Sets an event aside instead of an attempt: one that three processes were holding when they died, and one that the broker
 * is about to remove for its age. Undefined for any other.
 */
export async function setAside(record: HeldRecord, job: Job, tools: DeliveryTools): Promise<StepResult | undefined> {
  if (record.lostHolders >= LOST_HOLDERS_MAX) {
    const data = Buffer.from(`${record.lostHolders} processes ended while they held this event`);
    return deadLetter(job, { reason: "Poison", destination: "this process", code: 500, data }, tools);
  }
  const { expiresAtMs, acceptedAtMs } = record;
  if (expiresAtMs === undefined) return undefined;
  const lifeMs = expiresAtMs - acceptedAtMs;
  const leftMs = expiresAtMs - tools.clock.nowMs();
  if (leftMs > lifeMs * (1 - AGING)) return undefined;
  tellOfAge(job, leftMs, tools);
  if (leftMs > Math.min(EXPIRING_MS, lifeMs * EXPIRING)) return undefined;
  const data = Buffer.from(`it keeps events for ${Math.round(lifeMs / 1_000)} s; this one was not delivered by then`);
  // To no sink: that would take another attempt, and perhaps the time that is left.
  return store(job, { reason: "Expiring", destination: "the broker", code: 503, data }, tools);
}

function tellOfAge({ hand, consumerId }: Job, leftMs: number, { note, clock }: DeliveryTools): void {
  const of = (name: string): string => (hand.event === undefined ? "" : (eventAttribute(hand.event, name) ?? ""));
  const detail = `the broker removes it in ${Math.round(leftMs / 1_000)} s, delivered or not`;
  note({ atMs: clock.nowMs(), consumerId, source: of("source"), id: of("id"), what: "aging", detail });
}
