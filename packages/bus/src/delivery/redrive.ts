import type { DeadLetter } from "./dead-letter-store.ts";
import { takeFor } from "./event-in-hand.ts";
import { newJob } from "./job.ts";
import type { StepLogs } from "./step-logs.ts";
import type { DeliveryTools } from "./tools.ts";

/**
 * What became of a letter that was to be put back. `redriven`: its event waits for its consumer as if it had just come.
 * `unknown-consumer`: nobody of that id is served here. `not-whole`: the store never had its body. `closing`: the engine
 * closed meanwhile, and the letter is where it was.
 */
export type Redriven = "redriven" | "unknown-consumer" | "not-whole" | "closing";

/**
 * Puts a dead letter back as a first attempt to its consumer alone. It is taken out of the store after that is durable: a
 * kill in between leaves it in both places, and the consumer gets it twice at most.
 */
export async function redrive(letter: DeadLetter, steps: StepLogs, tools: DeliveryTools): Promise<Redriven> {
  if (letter.reason === "TooLargeToKeep") return "not-whole";
  if (tools.consumers.find(letter.consumerId) === undefined) return "unknown-consumer";
  const job = newJob(takeFor(tools.stream, letter), letter.consumerId);
  const { kind } = await steps.park({ ...job, notBeforeMs: tools.clock.nowMs() });
  if (kind !== "ended") return "closing";
  await tools.deadLetters.remove(letter.consumerId, letter.id);
  return "redriven";
}
