import { DiscardPolicy, NatsError, StorageType } from "nats";
import { brokerName } from "./broker-names.ts";
import { ignoreMissing } from "./nats-connection.ts";
import type { JetStreamConnection } from "./nats-connection.ts";

/** How many of a consumer's letters were thrown out, up to which place in the store. */
interface EvictionCount {
  readonly evicted: number;
  readonly lastSequence: number;
}

/** Counts that outlive every process. */
export interface EvictionCounts {
  of(consumerId: string): Promise<EvictionCount>;
  /** Counts the letter at this place, once, whoever else does so at the same time. */
  note(consumerId: string, sequence: number): Promise<void>;
  forget(consumerId: string): Promise<void>;
}

/** What the server says when somebody else wrote since we read. */
const WRONG_LAST_SEQUENCE = 10_071;

/** One message a consumer holds its count; a new one replaces it only if nobody wrote in between. */
export async function openEvictionCounts(
  name: string,
  replicas: number,
  { manager, jetStream }: JetStreamConnection,
): Promise<EvictionCounts> {
  const stream = `KELVIN-EVICTED-${name}`;
  const prefix = `kelvin-evicted.${name}`;
  if ((await ignoreMissing(manager.streams.info(stream))) === undefined) {
    await manager.streams.add({
      name: stream,
      subjects: [`${prefix}.*`],
      storage: StorageType.File,
      discard: DiscardPolicy.Old,
      max_msgs_per_subject: 1,
      num_replicas: replicas,
    });
  }
  const subjectOf = (consumerId: string): string => `${prefix}.${brokerName(consumerId)}`;
  const read = async (consumerId: string): Promise<{ count: EvictionCount; seq: number }> => {
    const query = { last_by_subj: subjectOf(consumerId) };
    const found = await ignoreMissing(manager.streams.getMessage(stream, query));
    if (found === undefined) return { count: { evicted: 0, lastSequence: 0 }, seq: 0 };
    return { count: found.json<EvictionCount>(), seq: found.seq };
  };
  return {
    of: async (consumerId) => (await read(consumerId)).count,
    async note(consumerId, sequence) {
      for (;;) {
        const { count, seq } = await read(consumerId);
        // Letters go oldest first: what is not behind the last one was counted.
        if (count.lastSequence >= sequence) return;
        const next: EvictionCount = { evicted: count.evicted + 1, lastSequence: sequence };
        try {
          await jetStream.publish(subjectOf(consumerId), JSON.stringify(next), {
            expect: { lastSubjectSequence: seq },
          });
          return;
        } catch (error) {
          if (!(error instanceof NatsError && error.api_error?.err_code === WRONG_LAST_SEQUENCE)) throw error;
        }
      }
    },
    async forget(consumerId) {
      await manager.streams.purge(stream, { filter: subjectOf(consumerId) });
    },
  };
}
