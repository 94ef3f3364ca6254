import { systemClock } from "@kelvin/bus";
import type { Bus, BusLog, Clock, DeadLetterStore, LogSpec } from "@kelvin/bus";
import { asked } from "./pubsub-failure.ts";
import { openConnection } from "./pubsub-connection.ts";
import type { PubsubOptions } from "./pubsub-connection.ts";
import { openPubsubDeadLetters } from "./pubsub-dead-letters.ts";
import type { DeadLetterSpec } from "./pubsub-dead-letters.ts";
import { openPubsubLog } from "./pubsub-log.ts";
import { RECORD_BYTES_MAX } from "./record-message.ts";
import { openServerClock } from "./server-clock.ts";
import { deleteTopic, ensureTopic, hasTopic } from "./topics.ts";

/** The bus, and the dead-letter store at the same service. */
export interface PubsubBus extends Bus {
  /**
   * Makes the store at the service, or takes over the one that is there, and opens it.
   *
   * @throws BusUnavailableError, or BusRefusedError for a bound that is too high.
   */
  openDeadLetterStore(spec: DeadLetterSpec): Promise<DeadLetterStore>;
}

/**
 * Opens the bus on Google Cloud Pub/Sub, or on its emulator.
 *
 * @throws BusUnavailableError when nobody answers; BusRefusedError for wrong credentials or a project that is none.
 */
export async function openPubsubBus(
  options: PubsubOptions,
  { clock = systemClock }: { readonly clock?: Clock } = {},
): Promise<PubsubBus> {
  const connection = await openConnection(options, clock);
  const serverClock = openServerClock(connection, clock);
  const logs = new Set<BusLog>();
  const open = (spec: LogSpec): BusLog => {
    const log = openPubsubLog(spec, { connection, serverClock, clock });
    const opened: BusLog = {
      ...log,
      async close() {
        logs.delete(opened);
        await log.close();
      },
    };
    logs.add(opened);
    return opened;
  };
  const openLog = async (spec: LogSpec): Promise<BusLog> => {
    await asked(spec.id, () => ensureTopic(connection, spec.id));
    return open(spec);
  };
  return {
    kind: "gcppubsub",
    recordBytesMax: RECORD_BYTES_MAX,
    get trouble() {
      return connection.trouble;
    },
    openLog,
    async findLog(spec) {
      return (await asked(spec.id, () => hasTopic(connection, spec.id))) ? open(spec) : undefined;
    },
    deleteLog: (id) => asked(id, () => deleteTopic(connection, id)),
    openDeadLetterStore: (spec) =>
      openPubsubDeadLetters(spec, {
        clock,
        openLog: (id) => openLog({ id, partitions: 1, unfinishedBytesMax: spec.bytesMax }),
      }),
    async close() {
      await Promise.all([...logs].map((log) => log.close()));
      await serverClock.close();
      connection.close();
    },
  };
}
