// The buses that are measured: a broker to start, and two ways to it, by our adapter and by the bare client.
import type { Bus } from "@kelvin/bus";

/** A kind of bus. */
export interface BenchBus {
  /** Why there can be no broker here, and how to mend it; undefined when there can. */
  findProblem(): string | undefined;
  /** On this machine, with data of its own. */
  startBroker(): Promise<BenchBroker>;
  /** By our adapter. */
  openOurs(address: string): Promise<Bus>;
  /** By the client alone, used as its documentation shows, with the same batches and acknowledgements as ours. */
  openRaw(address: string): Promise<RawClient>;
}

/** A broker that runs. */
export interface BenchBroker {
  /** `host:port`. */
  readonly address: string;
  close(): Promise<void>;
}

/** The bare client of a broker. */
export interface RawClient {
  /**
   * Makes a log and reads it from its beginning.
   * @param window Records that are held at once, as far as the client can tell.
   */
  openLeg(window: number, events: RawEvents): Promise<RawLeg>;
}

/** What a reader is told. */
export interface RawEvents {
  /** Resolves when the record is done with; then it is acknowledged. */
  readonly onRecord: (record: RawRecord) => Promise<void>;
  /** So many more are acknowledged, and the broker has said that it knows. */
  readonly onFinished: (count: number) => void;
}

/** What is published and read: name, value, name, value; names may come back in small letters. */
export interface RawRecord {
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** A log of its own. */
export interface RawLeg {
  /** Resolves when the broker has it. */
  publish(record: RawRecord): Promise<void>;
  close(): Promise<void>;
}

/** Loaded only when asked for: what one needs may be missing for another. */
export const benchBuses: Readonly<Record<string, () => Promise<BenchBus>>> = {
  nats: async () => (await import("./bus-nats.ts")).natsBench,
  kafka: async () => (await import("./bus-kafka.ts")).kafkaBench,
  gcppubsub: async () => (await import("./bus-pubsub.ts")).pubsubBench,
};

/** Unfinished bytes that a log may hold: more than any round has. */
export const bytesMax = 2 * 1024 * 1024 * 1024;
/** Longer than any pause of a busy machine. */
export const silenceMsMax = 30_000;

/** For what has no remedy in a benchmark. */
export function fail(error: unknown): never {
  process.stderr.write(`${String(error instanceof Error ? error.stack : error)}\n`);
  process.exit(1);
}
