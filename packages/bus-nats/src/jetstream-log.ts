import { createHash } from "node:crypto";
import { LogFullError, RecordTooLargeError, recordBytes } from "@kelvin/bus";
import type { Backlog, BusLog, BusReader, BusRecord, Clock, LogSpec, ReaderSpec } from "@kelvin/bus";
import { AckPolicy, DeliverPolicy, nanos } from "nats";
import type { ConsumerConfig, ConsumerInfo } from "nats";
import { makeAckGate } from "./ack-gate.ts";
import { durableName, streamName, subjectOf } from "./broker-names.ts";
import { makeHolderNotes } from "./holder-notes.ts";
import { startReader } from "./jetstream-reader.ts";
import { toHeaders } from "./message.ts";
import { makeTrimmer } from "./jetstream-trim.ts";
import { ignoreMissing, isStoreFull, isTooLarge, natsFailure } from "./nats-connection.ts";
import type { JetStreamConnection } from "./nats-connection.ts";
import { makePlaceMemories } from "./place-memory.ts";
import type { PlaceMemories } from "./place-memory.ts";
import { makeReaderPlaces } from "./reader-place.ts";

/** What a log works with. */
export interface LogParts {
  readonly connection: JetStreamConnection;
  readonly recordBytesMax: number;
  readonly clock: Clock;
}

/** Opens a handle of a log whose stream is there. */
export function openJetStreamLog(spec: LogSpec, parts: LogParts): BusLog {
  const { connection, recordBytesMax, clock } = parts;
  const stream = streamName(spec.id);
  const readers = new Set<BusReader>();
  const gate = makeAckGate();
  const places = makeReaderPlaces();
  const stopInterrupting = connection.onLost(() => places.interrupt());
  const memories = makePlaceMemories({ connection, logId: spec.id, stream, places });
  const notes = makeHolderNotes({ connection, logId: spec.id, stream });
  const bytesMax = spec.unfinishedBytesMax;
  const trimmer = makeTrimmer({ connection, stream, bytesMax, gate, places, memories, clock });
  let turn = 0;

  const partitionOf = ({ key }: BusRecord): number => {
    turn += 1;
    return key === undefined ? turn % spec.partitions : partitionOfKey(key, spec.partitions);
  };
  return {
    id: spec.id,
    async append(record) {
      const bytes = recordBytes(record);
      if (bytes > recordBytesMax) throw new RecordTooLargeError(`${bytes} bytes; this server takes ${recordBytesMax}`);
      try {
        const subject = subjectOf(spec.id, partitionOf(record));
        const headers = toHeaders(record);
        await connection.whileThere(() => connection.jetStream.publish(subject, record.body, { headers }));
        trimmer.appended(bytes);
      } catch (error) {
        if (isStoreFull(error)) trimmer.hurry();
        throw appendFailure(error, spec.id);
      }
    },
    async ends() {
      const { state } = await asked(spec.id, () => connection.manager.streams.info(stream));
      return String(state.last_seq);
    },
    async openReader(readerSpec) {
      const durables = await asked(spec.id, () => ensureDurables(spec, readerSpec, { connection, memories }));
      const onFinished = trimmer.finished;
      const reader = startReader({ connection, stream, durables, gate, places, notes, clock, onFinished }, readerSpec);
      readers.add(reader);
      return reader;
    },
    async deleteReader(id) {
      let dropped = 0;
      for (let partition = 0; partition < spec.partitions; partition += 1) {
        const durable = durableName(id, partition);
        dropped += waiting(await consumerInfo(stream, durable, connection));
        await asked(spec.id, () => ignoreMissing(connection.manager.consumers.delete(stream, durable)));
        places.forget(durable);
      }
      trimmer.hurry();
      return dropped;
    },
    async backlog(id): Promise<Backlog> {
      let records = 0;
      for (let partition = 0; partition < spec.partitions; partition += 1) {
        records += waiting(await consumerInfo(stream, durableName(id, partition), connection));
      }
      return { records, oldestMs: undefined };
    },
    async close() {
      for (const reader of readers) await reader.close();
      readers.clear();
      trimmer.close();
      stopInterrupting();
    },
  };
}

function partitionOfKey(key: string, partitions: number): number {
  return createHash("sha256").update(key).digest().readUInt32BE(0) % partitions;
}

async function ensureDurables(
  spec: LogSpec,
  reader: ReaderSpec,
  { connection, memories }: { readonly connection: JetStreamConnection; readonly memories: PlaceMemories },
): Promise<readonly string[]> {
  const stream = streamName(spec.id);
  const durables: string[] = [];
  for (let partition = 0; partition < spec.partitions; partition += 1) {
    const durable = durableName(reader.id, partition);
    durables.push(durable);
    const found = await consumerInfo(stream, durable, connection);
    if (found !== undefined) {
      await memories.recall(found);
      continue;
    }
    const config: Partial<ConsumerConfig> = {
      durable_name: durable,
      filter_subject: subjectOf(spec.id, partition),
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(connection.silenceMsMax),
      ...(await beginning(stream, reader, connection)),
      // At its maximum the server drops an event silently; nothing here may be dropped.
      max_deliver: -1,
      // The window is the reader's own; one here would be shared by all replicas.
      max_ack_pending: -1,
    };
    await connection.manager.consumers.add(stream, config);
  }
  return durables;
}

/** Where a reader begins, as a place: "new" would be the end of the stream at whatever time the server reads it again. */
async function beginning(
  stream: string,
  { from }: ReaderSpec,
  { manager }: JetStreamConnection,
): Promise<Partial<ConsumerConfig>> {
  if (from === "beginning") return { deliver_policy: DeliverPolicy.All };
  const { state } = await manager.streams.info(stream);
  return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: state.last_seq + 1 };
}

async function consumerInfo(
  stream: string,
  durable: string,
  { manager }: JetStreamConnection,
): Promise<ConsumerInfo | undefined> {
  return asked(stream, () => ignoreMissing(manager.consumers.info(stream, durable)));
}

function waiting(info: ConsumerInfo | undefined): number {
  return info === undefined ? 0 : info.num_pending + info.num_ack_pending;
}

async function asked<T>(what: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw natsFailure(error, what);
  }
}

function appendFailure(error: unknown, logId: string): Error {
  if (isStoreFull(error)) return new LogFullError(`${logId}: as much waits for delivery as is allowed`);
  if (isTooLarge(error)) return new RecordTooLargeError(`${logId}: more than the server takes now`);
  return natsFailure(error, logId);
}
