import type { Bus, BusLog, BusRefusedError, LogSpec } from "../bus.ts";
import { openBrokerReading } from "./broker-reading.ts";
import { openChannelReading } from "./channel-reading.ts";
import type { Consumer } from "./consumer.ts";
import { makeConsumerTable } from "./consumer-table.ts";
import type { KnownConsumer } from "./consumer-table.ts";
import type { DeadLetter } from "./dead-letter-store.ts";
import { redrive } from "./redrive.ts";
import type { Redriven } from "./redrive.ts";
import { deleteStepLogs, makeStepLogs } from "./step-logs.ts";
import type { StepLogs } from "./step-logs.ts";
import type { DeliveryTools } from "./tools.ts";
import { makeTimeouts } from "../timeouts.ts";
import { makeWaiting } from "./waiting.ts";

/**
 * How a stream's log is read. `shared`: one reader, every event matched against all consumers at once (a Broker).
 * `each`: a reader at the bus for each consumer (a Channel), as users of that bus expect to find them.
 */
export type Reading = "shared" | "each";

/** @see openStreamDelivery */
export interface StreamDeliverySpec {
  readonly log: LogSpec;
  readonly reading: Reading;
  /**
   * What the names of the step logs are made of; default: the log's id. Give another where that id is a name of people's
   * making, which may be that of somebody's step log.
   */
  readonly stepsId?: string;
  /** The settings of the step logs; default: the log's. Give others where those name something that each log has for itself. */
  readonly stepsSettings?: LogSpec["settings"];
  /** How long an event of a shared stream may wait for one consumer before it is handed off. */
  readonly handoffMs: number;
  /** Records of the log that this process may hold: a bound on memory. */
  readonly inFlightMax: number;
}

/** What the engine is given; the rest it makes itself. */
export type DeliveryPorts = Omit<DeliveryTools, "consumers" | "waiting" | "timeouts">;

/** The delivery of one stream's events by this process. */
export interface StreamDelivery {
  /** The log: what accepts events appends here. */
  readonly log: BusLog;
  /**
   * Serves these consumers from now on. Resolves when every new one is sure to get what is appended from then on, but for those
   * returned: the bus refuses them a reader. They are tried again by the next call; the others do not suffer from it.
   *
   * @throws BusUnavailableError: call again.
   */
  setConsumers(consumers: readonly Consumer[]): Promise<readonly RefusedConsumer[]>;
  consumers(): IterableIterator<KnownConsumer>;
  /** Reads nothing more until `resume`, for a process that may not know its consumers any more; what runs goes on. */
  pause(): void;
  resume(): void;
  /** Records that some consumer has not finished, those that wait for another attempt too, as far as the bus can tell. */
  unfinished(): Promise<number>;
  /**
   * Puts a letter of this stream's store (`DeadLetterStore.list`) back as a first attempt to its consumer alone, and
   * takes it out of the store. If the consumer's backlog is full it comes back to the store as a new letter.
   *
   * @throws BusError when it could not be taken out of the store: then it is in both places.
   */
  redrive(letter: DeadLetter): Promise<Redriven>;
  /** Reads no more; waits up to `drainMs` for attempts that run, then gives back what is held. */
  close(drainMs: number): Promise<void>;
}

/** A consumer that the bus refuses a reader, such as for a name that is another's there. */
export interface RefusedConsumer {
  readonly id: string;
  readonly error: BusRefusedError;
}

/** What the two ways of reading have in common. */
export interface StreamReading {
  /** The consumers changed; `gone` are those that were removed. */
  update(gone: readonly string[]): Promise<readonly RefusedConsumer[]>;
  /** Reads on, or not: readers that are opened later too. */
  setPaused(isPaused: boolean): void;
  unfinished(): Promise<number>;
  close(drainMs: number): Promise<void>;
}

/** Everything a reading works with. */
export interface ReadingParts {
  readonly log: BusLog;
  readonly spec: StreamDeliverySpec;
  readonly steps: StepLogs;
  readonly tools: DeliveryTools;
}

/**
 * Removes what a stream has at the bus: its log, its readers and what waits in its step logs. Harmless when repeated.
 *
 * @param stepsId As in the spec of the stream.
 * @throws BusUnavailableError: then some of it may be there still.
 */
export async function deleteStream(bus: Bus, logId: string, stepsId: string = logId): Promise<void> {
  await deleteStepLogs(bus, stepsId);
  await bus.deleteLog(logId);
}

function stepsSpec({ log, stepsId = log.id, stepsSettings = log.settings }: StreamDeliverySpec): LogSpec {
  const { id: _id, settings: _settings, ...spec } = log;
  return { ...spec, id: stepsId, ...(stepsSettings === undefined ? {} : { settings: stepsSettings }) };
}

/**
 * Opens the stream's log, goes on with what waits in its step logs, and delivers to the consumers it is given.
 *
 * @throws BusError when the broker is away or refuses.
 */
export async function openStreamDelivery(
  bus: Bus,
  spec: StreamDeliverySpec,
  ports: DeliveryPorts,
): Promise<StreamDelivery> {
  const tools: DeliveryTools = {
    ...ports,
    consumers: makeConsumerTable(ports.clock),
    waiting: makeWaiting(ports.clock),
    timeouts: makeTimeouts(ports.clock),
  };
  const log = await bus.openLog(spec.log);
  const steps = makeStepLogs(bus, stepsSpec(spec), tools);
  const parts: ReadingParts = { log, spec, steps, tools };
  const reading = spec.reading === "shared" ? openBrokerReading(parts) : openChannelReading(parts);
  let isRecovered = false;
  return {
    log,
    async setConsumers(consumers) {
      const gone = tools.consumers.replace(consumers);
      const refused = await reading.update(gone);
      // Not before there are consumers: what waits for one that is not known would count as left over.
      if (!isRecovered) await steps.recover();
      isRecovered = true;
      return refused;
    },
    consumers: () => tools.consumers.all(),
    pause() {
      reading.setPaused(true);
      steps.setPaused(true);
    },
    resume() {
      reading.setPaused(false);
      steps.setPaused(false);
    },
    async unfinished() {
      const [read, parked] = await Promise.all([reading.unfinished(), steps.unfinished()]);
      return read + parked;
    },
    redrive: (letter) => redrive(letter, steps, tools),
    async close(drainMs) {
      // Whoever waits gives up now; attempts that run have until then to end.
      tools.waiting.close();
      await Promise.all([reading.close(drainMs), steps.close(drainMs)]);
      tools.timeouts.close();
      await log.close();
    },
  };
}
