// Publishes records and consumes them, by our bus or by the bare client, each acknowledged both ways before it counts.
// node bus-leg-program.ts ours|raw NATS_URL; spoken to by IPC: BusLegRequest → BusLegResult. Its first message is "ready".
import { randomUUID } from "node:crypto";
import { openNatsBus } from "@kelvin/bus-nats";
import { AckPolicy, connect, DiscardPolicy, headers as newHeaders, nanos, RetentionPolicy, StorageType } from "nats";

/** One round. */
export interface BusLegRequest {
  readonly records: number;
  readonly bodyBytes: number;
  /** Records that are published and not confirmed at once, and records that are held and not finished. */
  readonly window: number;
}

/** From the first publish until the last record is published and finished. */
export interface BusLegResult {
  readonly elapsedMs: number;
}

const silenceMsMax = 30_000;
const bytesMax = 2 * 1024 * 1024 * 1024;
const attributes = ["ce-id", "1", "ce-specversion", "1.0", "ce-source", "/bench", "ce-type", "com.example.bench"];

/** One way to the broker: publishes one record, and tells of each that was finished. */
interface Leg {
  publish(body: Buffer): Promise<void>;
  close(): Promise<void>;
}

type OpenLeg = (window: number, onFinished: () => void) => Promise<Leg>;

async function openOurs(url: string): Promise<OpenLeg> {
  const bus = await openNatsBus({ servers: [url], name: "bench", silenceMsMax });
  return async (window, onFinished) => {
    const id = `leg-${randomUUID()}`;
    const log = await bus.openLog({ id, partitions: 1, unfinishedBytesMax: bytesMax });
    await log.openReader({
      id: "bench",
      from: "beginning",
      inFlightMax: window,
      onRecord(record) {
        record.finish().then(onFinished, fail);
      },
    });
    return {
      publish: (body) => log.append({ headers: attributes, body }),
      async close() {
        await log.close();
        await bus.deleteLog(id);
      },
    };
  };
}

async function openRaw(url: string): Promise<OpenLeg> {
  const connection = await connect({ servers: url });
  const jetStream = connection.jetstream();
  const manager = await connection.jetstreamManager();
  return async (window, onFinished) => {
    const name = `raw-${randomUUID()}`;
    const subject = `raw.${name}`;
    const { Limits: retention } = RetentionPolicy;
    const { File: storage } = StorageType;
    const { New: discard } = DiscardPolicy;
    await manager.streams.add({ name, subjects: [subject], retention, storage, discard, max_bytes: bytesMax });
    const ack_wait = nanos(silenceMsMax);
    const limits = { max_deliver: -1, max_ack_pending: -1 };
    await manager.consumers.add(name, { durable_name: "bench", ack_policy: AckPolicy.Explicit, ack_wait, ...limits });
    const consumer = await jetStream.consumers.get(name, "bench");
    const messages = await consumer.consume({
      max_messages: window,
      callback: (message) => {
        message.ackAck().then(onFinished, fail);
      },
    });
    return {
      async publish(body) {
        const headers = newHeaders();
        for (let index = 0; index + 1 < attributes.length; index += 2) {
          headers.append(attributes[index] ?? "", attributes[index + 1] ?? "");
        }
        await jetStream.publish(subject, body, { headers });
      },
      async close() {
        await messages.close();
        await manager.streams.delete(name);
      },
    };
  };
}

async function runRound(open: OpenLeg, { records, bodyBytes, window }: BusLegRequest): Promise<BusLegResult> {
  const { promise: allFinished, resolve } = Promise.withResolvers<void>();
  let finished = 0;
  const leg = await open(window, () => {
    finished += 1;
    if (finished === records) resolve();
  });
  const body = Buffer.alloc(bodyBytes, "x");
  let published = 0;
  const publishSome = async (): Promise<void> => {
    while (published < records) {
      published += 1;
      // oxlint-disable-next-line no-await-in-loop -- one of `window` that publish side by side
      await leg.publish(body);
    }
  };
  const startedAtMs = performance.now();
  await Promise.all(Array.from({ length: window }, publishSome));
  await allFinished;
  const elapsedMs = performance.now() - startedAtMs;
  await leg.close();
  return { elapsedMs };
}

function fail(error: unknown): never {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
}

const [kind, url = ""] = process.argv.slice(2);
const open = kind === "ours" ? await openOurs(url) : await openRaw(url);
process.on("message", (request: BusLegRequest) => {
  runRound(open, request).then((result) => process.send?.(result), fail);
});
process.on("disconnect", () => process.exit(0));
process.send?.("ready");
