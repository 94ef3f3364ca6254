import type { HeldRecord } from "../bus.ts";
import { deadLetter } from "./dead-letter.ts";
import type { Job, StepResult } from "./job.ts";
import type { DeliveryTools } from "./tools.ts";

/** Processes that may die over one event before it is set aside. */
const LOST_HOLDERS_MAX = 3;

/** Sets an event aside that three processes were holding when they died; undefined for any other. */
export async function poisonous(record: HeldRecord, job: Job, tools: DeliveryTools): Promise<StepResult | undefined> {
  if (record.lostHolders < LOST_HOLDERS_MAX) return undefined;
  const data = Buffer.from(`${record.lostHolders} processes ended while they held this event`);
  return deadLetter(job, { reason: "Poison", destination: "this process", code: 500, data }, tools);
}
