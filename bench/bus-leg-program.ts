// Publishes records and consumes them, by our bus or by the bare client, each acknowledged both ways before it counts.
// node bus-leg-program.ts ours|raw KIND ADDRESS; spoken to by IPC: BusLegRequest → BusLegResult. Its first message is "ready".
import { randomUUID } from "node:crypto";
import type { Bus } from "@kelvin/bus";
import { benchBuses, bytesMax, fail, type RawClient } from "./bench-bus.ts";

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

const attributes = ["ce-id", "1", "ce-specversion", "1.0", "ce-source", "/bench", "ce-type", "com.example.bench"];

/** One way to the broker: publishes one record, and tells of each that was finished. */
interface Leg {
  publish(body: Buffer): Promise<void>;
  close(): Promise<void>;
}

type OpenLeg = (window: number, onFinished: (count: number) => void) => Promise<Leg>;

function legsOf(bus: Bus): OpenLeg {
  return async (window, onFinished) => {
    const id = `leg-${randomUUID()}`;
    const log = await bus.openLog({ id, partitions: 1, unfinishedBytesMax: bytesMax });
    await log.openReader({
      id: "bench",
      from: "beginning",
      inFlightMax: window,
      onRecord(record) {
        record.finish().then(() => onFinished(1), fail);
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

function rawLegsOf(client: RawClient): OpenLeg {
  return async (window, onFinished) => {
    const leg = await client.openLeg(window, { onRecord: () => Promise.resolve(), onFinished });
    return { publish: (body) => leg.publish({ headers: attributes, body }), close: () => leg.close() };
  };
}

async function runRound(open: OpenLeg, { records, bodyBytes, window }: BusLegRequest): Promise<BusLegResult> {
  const { promise: allFinished, resolve } = Promise.withResolvers<void>();
  let finished = 0;
  const leg = await open(window, (count) => {
    finished += count;
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

const [side, kind = "", address = ""] = process.argv.slice(2);
const bus = await benchBuses[kind]?.();
if (bus === undefined) throw new Error(`"${kind}" is none of ${Object.keys(benchBuses).join(", ")}`);
const open = side === "ours" ? legsOf(await bus.openOurs(address)) : rawLegsOf(await bus.openRaw(address));
process.on("message", (request: BusLegRequest) => {
  runRound(open, request).then((result) => process.send?.(result), fail);
});
process.on("disconnect", () => process.exit(0));
process.send?.("ready");
