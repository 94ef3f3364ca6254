import type { DeadLetterSinkMarks, DeadLetterStatus, DeliverySpec } from "@kelvin/api/duck";
import type { Lookup } from "./destination/destinations.ts";

export interface DeadLetterSinkDeps {
  readonly marks: DeadLetterSinkMarks;
  readonly lookup: Pick<Lookup, "resolve">;
  readonly now: Date;
  /** Of the object's spec. */
  readonly generation: number | undefined;
}

/**
 * Says in a status where dead letters go, by the delivery that holds for the object.
 * @throws whatever the lookup rejects with: then nothing is known for now.
 */
export async function markDeadLetterSink(
  status: DeadLetterStatus,
  delivery: DeliverySpec | undefined,
  { marks, lookup, now, generation }: DeadLetterSinkDeps,
): Promise<void> {
  const sink = delivery?.deadLetterSink;
  if (sink === undefined) {
    marks.notConfigured(status, now);
    return;
  }
  try {
    const resolution = await lookup.resolve(sink);
    if (resolution.ok) marks.resolved(status, resolution.address, now);
    else marks.failed(status, `spec.delivery.deadLetterSink: ${resolution.problem}`, now);
  } catch (error) {
    // The status is written all the same, and the bus must not take the address of an older spec for that of this one.
    if (status.observedGeneration !== generation)
      marks.failed(status, "spec.delivery.deadLetterSink: not known yet", now);
    throw error;
  }
}
