import { systemClock } from "@kelvin/bus";
import type { Bus, BusLog, Clock, LogSpec } from "@kelvin/bus";
import { asked } from "./pubsub-failure.ts";
import { openConnection } from "./pubsub-connection.ts";
import type { PubsubOptions } from "./pubsub-connection.ts";
import { openPubsubLog } from "./pubsub-log.ts";
import { RECORD_BYTES_MAX } from "./record-message.ts";
import { openServerClock } from "./server-clock.ts";
import { deleteTopic, ensureTopic, hasTopic } from "./topics.ts";

/**
 * Opens the bus on Google Cloud Pub/Sub, or on its emulator.
 *
 * @throws BusUnavailableError when nobody answers; BusRefusedError for wrong credentials or a project that is none.
 */
export async function openPubsubBus(
  options: PubsubOptions,
  { clock = systemClock }: { readonly clock?: Clock } = {},
): Promise<Bus> {
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
  return {
    kind: "gcppubsub",
    recordBytesMax: RECORD_BYTES_MAX,
    get trouble() {
      return connection.trouble;
    },
    async openLog(spec) {
      await asked(spec.id, () => ensureTopic(connection, spec.id));
      return open(spec);
    },
    async findLog(spec) {
      return (await asked(spec.id, () => hasTopic(connection, spec.id))) ? open(spec) : undefined;
    },
    deleteLog: (id) => asked(id, () => deleteTopic(connection, id)),
    async close() {
      await Promise.all([...logs].map((log) => log.close()));
      await serverClock.close();
      connection.close();
    },
  };
}
