import type { DeadLetterStore, KnownConsumer, StreamDelivery } from "@kelvin/bus";
import type { Logger } from "@kelvin/http-service";
import type { Clock } from "@kelvin/kube";
import type { ReportBook } from "./report-book.ts";

/** Counts what waits for each consumer and what was given up, for the report. */
export interface ConsumerCensus {
  add(delivery: CountedDelivery): void;
  delete(delivery: CountedDelivery): void;
  /** The store to count in: use what is returned, whose changes are noted. */
  watch(store: DeadLetterStore): DeadLetterStore;
  close(): Promise<void>;
}

/** A stream whose consumers are counted. */
export type CountedDelivery = Pick<StreamDelivery, "consumers">;

/** Counts are no older than this. */
const COUNT_MS = 2_000;
/** Where there are letters, another replica may have put some back. */
const RECOUNT_MS = 30_000;

interface LetterCount {
  letters: number;
  countedMs: number;
}

interface Census {
  readonly deps: CensusDeps;
  readonly signal: AbortSignal;
  readonly deliveries: Set<CountedDelivery>;
  /** By the consumer's id at the bus. */
  readonly counts: Map<string, LetterCount>;
  /** Ids whose letters changed since they were counted. */
  readonly changed: Set<string>;
  store: DeadLetterStore | undefined;
}

/** @see openConsumerCensus */
export interface CensusDeps {
  readonly book: Pick<ReportBook, "setCounts">;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Opens the census. Letters are counted where some came or went: each count is a question to the broker. */
export function openConsumerCensus(deps: CensusDeps): ConsumerCensus {
  const abort = new AbortController();
  const census: Census = {
    deps,
    signal: abort.signal,
    deliveries: new Set(),
    counts: new Map(),
    changed: new Set(),
    store: undefined,
  };
  const running = countOnAndOn(census);
  return {
    add: (delivery) => census.deliveries.add(delivery),
    delete: (delivery) => census.deliveries.delete(delivery),
    watch(store) {
      census.store = store;
      return noteChanges(store, census.changed);
    },
    async close() {
      abort.abort();
      await running;
    },
  };
}

async function countOnAndOn(census: Census): Promise<void> {
  const { signal, deps } = census;
  while (!signal.aborted) {
    const all = [...census.deliveries].flatMap((delivery) => [...delivery.consumers()]);
    for (const known of all) if (!signal.aborted) await count(known, census);
    const seen = new Set(all.map(({ consumer }) => consumer.id));
    for (const id of census.counts.keys()) if (!seen.has(id)) census.counts.delete(id);
    for (const id of census.changed) if (!seen.has(id)) census.changed.delete(id);
    await deps.clock.sleep(COUNT_MS, signal);
  }
}

async function count({ consumer, backlog }: KnownConsumer, { deps, counts, changed, store }: Census): Promise<void> {
  const { id, uid } = consumer;
  const nowMs = deps.clock.monotonicMs();
  const former = counts.get(id);
  const isOld = former !== undefined && former.letters > 0 && nowMs - former.countedMs > RECOUNT_MS;
  let letters = former?.letters ?? 0;
  if (store !== undefined && (former === undefined || isOld || changed.has(id))) {
    changed.delete(id);
    try {
      ({ letters } = await store.count(id));
      counts.set(id, { letters, countedMs: nowMs });
    } catch (error) {
      changed.add(id);
      deps.log.debug({ err: error, consumer: id }, "Could not count dead letters; they are counted again");
    }
  }
  deps.book.setCounts(uid, { deadLetters: letters, backlog });
}

function noteChanges(store: DeadLetterStore, changed: Set<string>): DeadLetterStore {
  return {
    async append(letter) {
      await store.append(letter);
      changed.add(letter.consumerId);
    },
    list: (consumerId, page) => store.list(consumerId, page),
    async remove(consumerId, id) {
      const wasThere = await store.remove(consumerId, id);
      changed.add(consumerId);
      return wasThere;
    },
    count: (consumerId) => store.count(consumerId),
    async clear(consumerId) {
      const letters = await store.clear(consumerId);
      changed.add(consumerId);
      return letters;
    },
  };
}
