import type { ConsumerInfo } from "nats";
import { placeSubjectOf } from "./broker-names.ts";
import { ignoreMissing } from "./nats-connection.ts";
import type { JetStreamConnection } from "./nats-connection.ts";
import type { PlaceMemory, ReaderPlaces } from "./reader-place.ts";

/**
 * Keeps in the log itself up to where its readers are finished. The server writes the file of a reader's place anew, in
 * place, ten times a second: server 2.9 killed in that moment begins at the stream's beginning (measured: often, on a busy
 * machine). What was finished then comes again, and is known by this.
 */
export interface PlaceMemories {
  /** Writes down what moved since it was written last. */
  keep(): Promise<void>;
  /** Reads what is known of a consumer that is there. */
  recall(info: ConsumerInfo): Promise<void>;
}

/** What place memories work on. */
export interface PlaceMemoryParts {
  readonly connection: JetStreamConnection;
  readonly logId: string;
  readonly stream: string;
  readonly places: ReaderPlaces;
}

/** @see PlaceMemories */
export function makePlaceMemories({ connection, logId, stream, places }: PlaceMemoryParts): PlaceMemories {
  const kept = new Map<string, number>();
  return {
    async keep() {
      for (const [durable, place] of places.entries()) {
        const memory = place.memory();
        if (memory === undefined || memory.floorSequence <= (kept.get(durable) ?? 0)) continue;
        await connection.jetStream.publish(placeSubjectOf(logId, durable), JSON.stringify(memory));
        kept.set(durable, memory.floorSequence);
      }
    },
    async recall({ name, created }) {
      const query = { last_by_subj: placeSubjectOf(logId, name) };
      const found = await ignoreMissing(connection.manager.streams.getMessage(stream, query));
      const memory = found?.json<PlaceMemory>();
      // Another consumer had that name before.
      if (memory?.created === String(created)) places.of(name).recall(memory);
    },
  };
}
