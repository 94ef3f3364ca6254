import type { Consumer } from "./consumer.ts";
import { makeGate } from "./gate.ts";
import type { Gate } from "./gate.ts";

/** A consumer as it is now, with the state that outlives its editions. */
export interface KnownConsumer {
  readonly consumer: Consumer;
  readonly gate: Gate;
  /** Records in its backlog that this process knows of. */
  backlog: number;
}

/** The consumers of one stream; whoever looks one up gets its latest edition. */
export interface ConsumerTable {
  find(id: string): KnownConsumer | undefined;
  all(): IterableIterator<KnownConsumer>;
  /** Replaces all; returns the ids that are gone. A new edition keeps gate and backlog. */
  replace(consumers: readonly Consumer[]): string[];
}

/** @see ConsumerTable */
export function makeConsumerTable(): ConsumerTable {
  let known = new Map<string, KnownConsumer>();
  return {
    find: (id) => known.get(id),
    all: () => known.values(),
    replace(consumers) {
      const next = new Map<string, KnownConsumer>();
      for (const consumer of consumers) {
        const before = known.get(consumer.id);
        before?.gate.setLimits(consumer.limits);
        const gate = before?.gate ?? makeGate(consumer.limits);
        next.set(consumer.id, { consumer, gate, backlog: before?.backlog ?? 0 });
      }
      const gone = [...known.keys()].filter((id) => !next.has(id));
      known = next;
      return gone;
    },
  };
}
