import type { BusReader, HeldRecord } from "../bus.ts";
import type { Timeouts } from "../timeouts.ts";
import { attempt } from "./attempt.ts";
import { takeFor } from "./event-in-hand.ts";
import type { EventInHand } from "./event-in-hand.ts";
import { makeHeldWork } from "./held-work.ts";
import { newJob } from "./job.ts";
import type { Job, StepResult } from "./job.ts";
import { setAside } from "./set-aside.ts";
import type { ReadingParts, StreamReading } from "./stream-delivery.ts";

const READER_ID = "broker";

/**
 * One reader for all consumers. An event is matched once, first attempts go out side by side, and the record is finished
 * when each consumer has the event or has it in its own backlog: none can hold it longer than `handoffMs`.
 */
export function openBrokerReading(parts: ReadingParts): StreamReading {
  const { log, spec, tools } = parts;
  const held = makeHeldWork(tools);
  let reader: BusReader | undefined;
  let isPaused = false;
  return {
    async update() {
      // Not before the consumers are known: what is read with none of them would count as delivered to all.
      reader ??= await log.openReader({
        id: READER_ID,
        // Nothing is skipped where a broker has forgotten the reader's place: what came before a consumer, its `since` tells.
        from: "beginning",
        inFlightMax: spec.inFlightMax,
        onRecord(record) {
          held.run(record, () => deliverToAll(record, parts));
        },
      });
      if (isPaused) reader.pause();
      return [];
    },
    setPaused(paused) {
      isPaused = paused;
      if (paused) reader?.pause();
      else reader?.resume();
    },
    unfinished: async () => (await log.backlog(READER_ID)).records,
    async close(drainMs) {
      reader?.pause();
      await held.drain(drainMs);
      await reader?.close();
    },
  };
}

async function deliverToAll(record: HeldRecord, parts: ReadingParts): Promise<boolean> {
  const hand = takeFor(parts.tools.stream, record);
  const consumerIds = matching(hand, record, parts);
  const results = await Promise.all(
    consumerIds.map((consumerId) => {
      const job = newJob(hand, consumerId);
      return deliverFirst(job, record, parts);
    }),
  );
  return results.every(({ kind }) => kind === "ended");
}

function matching(hand: EventInHand, record: HeldRecord, { tools }: ReadingParts): string[] {
  const ids: string[] = [];
  tools.consumers.forEachMatching(hand.event, ({ consumer: { id, since } }) => {
    if (since === undefined || record.isAfter(since)) ids.push(id);
  });
  return ids;
}

/** The first attempt, and the hand-off when it fails for now or takes long. */
async function deliverFirst(job: Job, record: HeldRecord, { spec, steps, tools }: ReadingParts): Promise<StepResult> {
  const aside = await setAside(record, job, tools);
  if (aside !== undefined) return aside;
  const running = attempt(job, tools);
  const first = await withinMs(running, spec.handoffMs, tools.timeouts);
  if (first === undefined) {
    // The attempt goes on; its result settles the backlog's record. Should this process die, another one waits until the
    // attempt must be over before it makes the next.
    const timeoutMs = tools.consumers.find(job.consumerId)?.consumer.retryPolicy.timeoutMs ?? 0;
    return steps.park({ ...job, notBeforeMs: tools.clock.nowMs() + timeoutMs }, running);
  }
  return first.kind === "again" ? steps.park(first.job) : first;
}

/** What a promise settles to, or undefined when that takes longer. */
function withinMs<T>(promise: Promise<T>, limitMs: number, timeouts: Timeouts): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timeout = timeouts.start(limitMs, () => resolve(undefined));
    promise.then(
      (value) => {
        timeouts.cancel(timeout);
        resolve(value);
      },
      (error: unknown) => {
        timeouts.cancel(timeout);
        reject(error as Error);
      },
    );
  });
}
