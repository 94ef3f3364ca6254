import { BusRefusedError, systemClock } from "@kelvin/bus";
import type { Bus, BusLog, Clock, DeadLetterStore, LogSpec } from "@kelvin/bus";
import { DiscardPolicy, RetentionPolicy, StorageType } from "nats";
import type { StreamConfig, StreamInfo } from "nats";
import { holderSubjectOf, placeSubjectOf, streamName, subjectOf } from "./broker-names.ts";
import { openJetStreamDeadLetters } from "./jetstream-dead-letters.ts";
import type { DeadLetterSpec } from "./jetstream-dead-letters.ts";
import { openJetStreamLog } from "./jetstream-log.ts";
import { isNotFound, natsFailure, openConnection } from "./nats-connection.ts";
import type { JetStreamConnection, NatsOptions } from "./nats-connection.ts";

/** What the server's own headers and framing may take of a message. */
const OVERHEAD_BYTES = 4 * 1024;

/** Events, and what is noted with them when they wait or are dead. */
const PAYLOAD_BYTES_MIN = 64 * 1024;

/** The bus, and the dead-letter store on the same connection. */
export interface NatsBus extends Bus {
  /**
   * Makes the store at the server, or takes over the one that is there, and opens it.
   *
   * @throws BusUnavailableError, or BusRefusedError for a bound that is too low.
   */
  openDeadLetterStore(spec: DeadLetterSpec): Promise<DeadLetterStore>;
}

/**
 * Opens the bus on a NATS server with JetStream (2.9 or newer).
 *
 * @throws BusUnavailableError when no server answers; BusRefusedError for wrong credentials or a server without JetStream.
 */
export async function openNatsBus(
  options: NatsOptions,
  { clock = systemClock }: { readonly clock?: Clock } = {},
): Promise<NatsBus> {
  const connection = await openConnection(options, clock);
  const recordBytesMax = connection.maxPayloadBytes - OVERHEAD_BYTES;
  if (connection.maxPayloadBytes < PAYLOAD_BYTES_MIN) {
    await connection.close();
    throw new BusRefusedError(
      `${options.servers.join(", ")}: max_payload is ${connection.maxPayloadBytes} bytes, which leaves no room for events; ` +
        `set ${PAYLOAD_BYTES_MIN} or more (the server's own default is 1 MB)`,
    );
  }
  const logs = new Set<BusLog>();
  const open = (spec: LogSpec): BusLog => {
    const log = openJetStreamLog(spec, { connection, recordBytesMax, clock });
    logs.add(log);
    return log;
  };
  return {
    kind: "nats",
    recordBytesMax,
    get trouble() {
      return connection.trouble;
    },
    async openLog(spec) {
      await ensureStream(spec, connection);
      return open(spec);
    },
    async findLog(spec) {
      return (await findStream(spec.id, connection)) === undefined ? undefined : open(spec);
    },
    async deleteLog(id) {
      try {
        await connection.manager.streams.delete(streamName(id));
      } catch (error) {
        if (!isNotFound(error)) throw natsFailure(error, id);
      }
    },
    openDeadLetterStore: (spec) => openJetStreamDeadLetters(spec, { connection, recordBytesMax }),
    async close() {
      for (const log of logs) await log.close();
      await connection.close();
    },
  };
}

async function findStream(id: string, { manager }: JetStreamConnection): Promise<StreamInfo | undefined> {
  try {
    return await manager.streams.info(streamName(id));
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw natsFailure(error, id);
  }
}

async function ensureStream(spec: LogSpec, connection: JetStreamConnection): Promise<void> {
  const wanted = streamConfig(spec);
  const found = await findStream(spec.id, connection);
  if (found !== undefined && found.config.retention !== wanted.retention) {
    throw new BusRefusedError(
      `${spec.id}: stream ${wanted.name} is there with retention "${found.config.retention}", which cannot be changed to ` +
        `"${wanted.retention}"; delete it or give the channel another name`,
    );
  }
  const isRight =
    found?.config.max_bytes === wanted.max_bytes && found.config.subjects.length === wanted.subjects.length;
  if (isRight) return;
  const { streams } = connection.manager;
  try {
    await (found === undefined ? streams.add(wanted) : streams.update(wanted.name, wanted));
  } catch (error) {
    throw natsFailure(error, spec.id);
  }
}

/**
 * What every reader has acknowledged is trimmed, so what the stream holds is what is undelivered, but for the last moment.
 * At the bound the newest is refused: the oldest was promised to somebody.
 */
function streamConfig(
  spec: LogSpec,
): Pick<StreamConfig, "name" | "subjects" | "max_bytes" | "retention"> & Partial<StreamConfig> {
  return {
    name: streamName(spec.id),
    subjects: [
      ...Array.from({ length: spec.partitions }, (_, partition) => subjectOf(spec.id, partition)),
      placeSubjectOf(spec.id, "*"),
      holderSubjectOf(spec.id, { durable: "*", sequence: "*" }),
    ],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    max_bytes: spec.unfinishedBytesMax,
    num_replicas: Number(spec.settings?.["replicas"] ?? 1),
  };
}
