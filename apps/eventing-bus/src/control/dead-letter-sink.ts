import type { DeadLetterSinkMarks, DeadLetterStatus, DeliverySpec } from "@kelvin/api/duck";
import type { Lookup } from "./destination/destinations.ts";

export interface DeadLetterSinkDeps {
  readonly marks: DeadLetterSinkMarks;
  readonly lookup: Pick<Lookup, "resolve">;
  readonly now: Date;
}

/** Says in a status where dead letters go, by the delivery that holds for the object. */
export async function markDeadLetterSink(
  status: DeadLetterStatus,
  delivery: DeliverySpec | undefined,
  { marks, lookup, now }: DeadLetterSinkDeps,
): Promise<void> {
  const sink = delivery?.deadLetterSink;
  if (sink === undefined) {
    marks.notConfigured(status, now);
    return;
  }
  const resolution = await lookup.resolve(sink);
  if (resolution.ok) marks.resolved(status, resolution.address, now);
  else marks.failed(status, `spec.delivery.deadLetterSink: ${resolution.problem}`, now);
}
