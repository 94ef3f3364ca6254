import { setImmediate as nextTurn } from "node:timers/promises";
import { pubsubFailure } from "./pubsub-failure.ts";
import type { PubsubConnection } from "./pubsub-connection.ts";
import { pubsubMethods } from "./pubsub-methods.ts";

/** Sends what is said of messages, many at a time. */
export interface AckLine {
  /** Resolves when the service has it. @throws BusUnavailableError or BusRefusedError */
  send(ackId: string): Promise<void>;
  /** Resolves when what was sent is answered, or is not going to be. */
  settled(): Promise<void>;
}

/** The service takes 512 KiB a request, and an id is some 200 bytes. */
const IDS_MAX = 1_000;

interface Waiting {
  readonly ackId: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** A line of one kind of saying; `request` makes it. One request is under way at a time, and the next takes all that came. */
function openLine(what: string, request: (ackIds: string[]) => Promise<unknown>): AckLine {
  let queue: Waiting[] = [];
  let running: Promise<void> | undefined;
  const run = async (): Promise<void> => {
    await nextTurn();
    while (queue.length > 0) {
      const batch = queue.slice(0, IDS_MAX);
      queue = queue.slice(IDS_MAX);
      try {
        await request(batch.map(({ ackId }) => ackId));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(pubsubFailure(error, what));
      }
    }
    running = undefined;
  };
  return {
    send(ackId) {
      const { promise, resolve, reject } = Promise.withResolvers<undefined>();
      queue.push({ ackId, resolve: () => resolve(undefined), reject });
      running ??= run();
      return promise;
    },
    async settled() {
      await running;
    },
  };
}

/** Acknowledgements of a subscription. */
export function openAckLine(connection: PubsubConnection, subscription: string): AckLine {
  return openLine(`${subscription}: acknowledgement`, (ackIds) =>
    connection.call(pubsubMethods.acknowledge, { subscription, ackIds }),
  );
}

/** Changes of how long messages of a subscription are ours. Zero seconds gives them back at once. */
export function openLeaseLine(connection: PubsubConnection, subscription: string, seconds: number): AckLine {
  return openLine(`${subscription}: lease`, (ackIds) =>
    connection.call(pubsubMethods.modifyAckDeadline, { subscription, ackIds, ackDeadlineSeconds: seconds }),
  );
}
