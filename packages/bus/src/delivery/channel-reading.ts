import { BusRefusedError } from "../bus.ts";
import type { BusReader, HeldRecord } from "../bus.ts";
import { carry } from "./carry.ts";
import { takeFor } from "./event-in-hand.ts";
import { makeHeldWork } from "./held-work.ts";
import { newJob } from "./job.ts";
import { setAside } from "./set-aside.ts";
import type { ReadingParts, RefusedConsumer, StreamReading } from "./stream-delivery.ts";

/**
 * A reader at the bus for each consumer: a record is finished when it was delivered to that consumer, dead-lettered or
 * parked. Short waits are waited in place, so a consumer that fails slows only its own reader.
 */
export function openChannelReading({ log, spec, steps, tools }: ReadingParts): StreamReading {
  const readers = new Map<string, BusReader>();
  const held = makeHeldWork(tools);
  let isPaused = false;

  const work = async (consumerId: string, record: HeldRecord): Promise<boolean> => {
    const consumer = tools.consumers.find(consumerId)?.consumer;
    // Not known here yet, or any more: whoever removes it removes its reader with it.
    if (consumer === undefined) return false;
    if (consumer.since !== undefined && !record.isAfter(consumer.since)) return true;
    const hand = takeFor(tools.stream, record);
    if (consumer.matches !== undefined && (hand.event === undefined || !consumer.matches(hand.event))) return true;
    const job = newJob(hand, consumerId);
    const aside = await setAside(record, job, tools);
    const result = aside ?? (await carry(job, tools, { isOwnReader: true }));
    const end = result.kind === "again" ? await steps.park(result.job) : result;
    return end.kind === "ended";
  };

  return {
    async update(gone) {
      for (const id of gone) {
        await readers.get(id)?.close();
        readers.delete(id);
        // What the bus refuses was never ours.
        await unlessRefused(() => log.deleteReader(id));
      }
      const refused: RefusedConsumer[] = [];
      for (const { consumer } of tools.consumers.all()) {
        if (readers.has(consumer.id) || consumer.isSuspended === true) continue;
        const inFlightMax = Math.min(consumer.limits.inFlight, spec.inFlightMax);
        const onRecord = (record: HeldRecord): void => {
          held.run(record, () => work(consumer.id, record));
        };
        const { id, from = "end" } = consumer;
        const opened = await unlessRefused(() => log.openReader({ id, from, inFlightMax, onRecord }));
        if (opened instanceof BusRefusedError) {
          refused.push({ id, error: opened });
          continue;
        }
        if (isPaused) opened.pause();
        readers.set(id, opened);
      }
      return refused;
    },
    setPaused(paused) {
      isPaused = paused;
      for (const reader of readers.values()) {
        if (paused) reader.pause();
        else reader.resume();
      }
    },
    async unfinished() {
      let records = 0;
      for (const id of readers.keys()) records += (await log.backlog(id)).records;
      return records;
    },
    async close(drainMs) {
      for (const reader of readers.values()) reader.pause();
      await held.drain(drainMs);
      for (const reader of readers.values()) await reader.close();
    },
  };
}

/** What came of it, or why the bus refuses it. @throws BusUnavailableError */
async function unlessRefused<T>(work: () => Promise<T>): Promise<T | BusRefusedError> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof BusRefusedError) return error;
    throw error;
  }
}
