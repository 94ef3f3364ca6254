import type { CloudEvent } from "@kelvin/cloudevents";
import type { Clock } from "../clock.ts";
import type { Consumer } from "./consumer.ts";
import { makeGate } from "./gate.ts";
import type { Gate } from "./gate.ts";
import { makeParkedCount } from "./parked-count.ts";
import type { ParkedCount } from "./parked-count.ts";

/** A consumer with the state that outlives its editions: one object for as long as the consumer is served. */
export interface KnownConsumer {
  /** Its latest edition. */
  readonly consumer: Consumer;
  readonly gate: Gate;
  /** Records in its backlog that this process put there or works on. */
  readonly backlog: number;
  readonly parked: ParkedCount;
}

/** The consumers of one stream; whoever looks one up gets its latest edition. */
export interface ConsumerTable {
  find(id: string): KnownConsumer | undefined;
  all(): IterableIterator<KnownConsumer>;
  /** Calls back for each whose filter takes an event; `event` is undefined for a payload that is none. */
  forEachMatching(event: CloudEvent | undefined, visit: (known: KnownConsumer) => void): void;
  /** Replaces all; returns the ids that are gone. A new edition keeps gate and backlog. */
  replace(consumers: readonly Consumer[]): string[];
}

interface Known extends KnownConsumer {
  consumer: Consumer;
}

function makeKnown(consumer: Consumer, clock: Clock): Known {
  const parked = makeParkedCount(clock);
  return {
    consumer,
    gate: makeGate(consumer.limits),
    parked,
    get backlog() {
      return parked.records;
    },
  };
}

/** @see ConsumerTable */
export function makeConsumerTable(clock: Clock): ConsumerTable {
  let table = new Map<string, Known>();
  let index = indexByType([]);
  return {
    find: (id) => table.get(id),
    all: () => table.values(),
    forEachMatching(event, visit) {
      const pinned = event === undefined ? undefined : index.byType.get(event.attributes.get("type") ?? "");
      for (const known of pinned ?? []) if (takes(known, event)) visit(known);
      for (const known of index.ofAnyType) if (takes(known, event)) visit(known);
    },
    replace(consumers) {
      const next = new Map<string, Known>();
      for (const consumer of consumers) {
        const known = table.get(consumer.id) ?? makeKnown(consumer, clock);
        known.consumer = consumer;
        known.gate.setLimits(consumer.limits);
        next.set(consumer.id, known);
      }
      const gone = [...table.keys()].filter((id) => !next.has(id));
      table = next;
      index = indexByType([...next.values()]);
      return gone;
    },
  };
}

function takes({ consumer: { matches } }: KnownConsumer, event: CloudEvent | undefined): boolean {
  return matches === undefined || (event !== undefined && matches(event));
}

interface TypeIndex {
  readonly byType: ReadonlyMap<string, readonly Known[]>;
  readonly ofAnyType: readonly Known[];
}

function indexByType(all: readonly Known[]): TypeIndex {
  const byType = new Map<string, Known[]>();
  const ofAnyType: Known[] = [];
  for (const known of all) {
    const { types } = known.consumer;
    if (types === undefined) ofAnyType.push(known);
    for (const type of new Set(types)) {
      const pinned = byType.get(type) ?? [];
      pinned.push(known);
      byType.set(type, pinned);
    }
  }
  return { byType, ofAnyType };
}
