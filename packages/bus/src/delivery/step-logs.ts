import { randomUUID } from "node:crypto";
import { BusError, LogFullError, recordBytes } from "../bus.ts";
import type { Bus, BusLog, BusReader, BusRecord, HeldRecord, LogSpec } from "../bus.ts";
import type { Clock } from "../clock.ts";
import type { Timeouts } from "../timeouts.ts";
import { carry } from "./carry.ts";
import type { KnownConsumer } from "./consumer-table.ts";
import { store } from "./dead-letter.ts";
import type { Failure } from "./dead-letter.ts";
import { makeHeldWork } from "./held-work.ts";
import type { HeldWork } from "./held-work.ts";
import type { Job, StepResult } from "./job.ts";
import { makeOnceEach } from "./once-each.ts";
import { parkedRecord, readParkedRecord } from "./parked-record.ts";
import type { ParkedJob } from "./parked-record.ts";
import { repeatUntilTaken } from "./repeat-until-taken.ts";
import type { DeliveryTools } from "./tools.ts";

/**
 * How long records of a step wait. All of one step wait alike, so the order in which they came is the order in which
 * they are due, and a reader need not look behind the first. The first step is another: for waits that are shorter, which
 * are waited in place, and for attempts that still run.
 */
export const STEP_MS = [10_000, 10_000, 60_000, 600_000, 3_600_000] as const;

const READER_ID = "steps";
const IN_FLIGHT_MAX = 1_000;
const APPEND_RETRY_MS = 500;
/** How much of a step log one consumer may take, in bytes: the others' retries must find room. */
const CONSUMER_SHARE = 1 / 4;
/** How long after its step a record is surely worked off, by whichever process. */
const WORKED_OFF_WITHIN_MS = 60_000;
/** How long it is remembered that a record was worked off. */
const WORKED_OFF_KEPT_MS = 30_000;
/** How long the end of an attempt is kept for the record of its event. */
const HANDOFF_KEPT_MS = 60_000;

/** Durable waiting: jobs that may not hold up anybody else until they are due. */
export interface StepLogs {
  /**
   * Puts a job where it waits. Resolves when that is durable: "parked", or "stored" when the consumer's backlog is full
   * and the event went to the dead-letter store instead; "given-up" when the engine closes before.
   */
  park(job: Job, running?: Promise<StepResult>): Promise<StepResult>;
  /** Opens the step logs that are at the broker from an earlier life. */
  recover(): Promise<void>;
  /** Reads on, or not: steps that are opened later too. */
  setPaused(isPaused: boolean): void;
  /** How many records wait. */
  unfinished(): Promise<number>;
  close(drainMs: number): Promise<void>;
}

/** @param spec The spec of the stream's log, but for the id: the step logs are named after that. */
export function makeStepLogs(bus: Bus, spec: LogSpec, tools: DeliveryTools): StepLogs {
  const steps = STEP_MS.map((_, index) => makeStep(bus, stepSpec(spec, index)));
  const held = makeHeldWork(tools);
  const handoffs = makeHandoffs(tools.timeouts);
  const bytesMax = spec.unfinishedBytesMax * CONSUMER_SHARE;
  // Logs outlive processes, and in one process a stream may be opened again: no two of its records share an id.
  const session = randomUUID();
  let lastParking = 0;

  const park: StepLogs["park"] = async (job, running) => {
    running?.catch(() => undefined);
    const known = tools.consumers.find(job.consumerId);
    if (known === undefined) return { kind: "ended", ending: "dropped" };
    lastParking += 1;
    const id = `${session}-${lastParking}`;
    const record = parkedRecord(job, id);
    const why = overfull(known, { bytes: recordBytes(record), bytesMax });
    if (why !== undefined) return store(job, backlogFull(why), tools);
    if (running !== undefined) handoffs.set(id, running);
    const index = running === undefined ? stepFor(job.notBeforeMs - tools.clock.nowMs()) : 0;
    countParked(known, { id, index, record }, tools.clock);
    let isParked = false;
    try {
      isParked = await appendUntilDurable(steps[index], record, tools);
      return isParked ? { kind: "ended", ending: "parked" } : { kind: "given-up" };
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
      return await withoutParking(job, { running, error }, tools);
    } finally {
      if (!isParked) {
        known.parked.remove(id);
        handoffs.delete(id);
      }
    }
  };

  const work = async ({ index, record, job, id }: Waited): Promise<boolean> => {
    const known = tools.consumers.find(job.consumerId);
    // It may be one of an earlier life, or another process's.
    if (known !== undefined) countParked(known, { id, index, record }, tools.clock);
    try {
      const running = handoffs.get(id);
      if (running === undefined && !(await waitOut(dueMs(index, record, job), tools))) return false;
      const result = await goOn(job, running, tools);
      handoffs.delete(id);
      // Before it is parked again: it must not stand in its own way.
      known?.parked.remove(id);
      const end = result.kind === "again" ? await park(result.job) : result;
      return end.kind === "ended";
    } finally {
      known?.parked.remove(id);
    }
  };
  const once = makeOnceEach(tools.timeouts, WORKED_OFF_KEPT_MS);
  for (const [index, step] of steps.entries()) {
    step.onRecord = (record) => {
      held.run(record, async () => {
        const job = readParkedRecord(record, tools.stream);
        if (job === undefined) return true;
        // A record without an id is nobody's copy.
        const id = job.parkingId ?? randomUUID();
        return once.run(id, () => work({ index, record, job, id }));
      });
    };
  }
  return { park, ...manage(steps, held) };
}

/** What is done with all steps alike. */
function manage(steps: readonly Step[], held: HeldWork): Omit<StepLogs, "park"> {
  return {
    async recover() {
      for (const step of steps) await step.find();
    },
    setPaused(isPaused) {
      for (const step of steps) step.setPaused(isPaused);
    },
    async unfinished() {
      let records = 0;
      for (const step of steps) records += await step.unfinished();
      return records;
    },
    async close(drainMs) {
      for (const step of steps) step.setPaused(true);
      await held.drain(drainMs);
      for (const step of steps) await step.close();
    },
  };
}

/**
 * Until when a record stays where it is. In the first step that is when the job is due, but no longer than the step: a
 * job that was handed off by a process that is gone waits until that attempt must be over.
 */
function dueMs(index: number, record: HeldRecord, job: ParkedJob): number {
  const stepEndMs = record.acceptedAtMs + (STEP_MS[index] ?? 0);
  return index === 0 ? Math.min(stepEndMs, job.notBeforeMs) : stepEndMs;
}

/** The step whose wait is the longest that does not exceed what is asked for; the rest is waited in the next one. */
export function stepFor(waitMs: number): number {
  let index = 0;
  while (index + 1 < STEP_MS.length && (STEP_MS[index + 1] ?? 0) <= waitMs) index += 1;
  return index;
}

/** Removes the step logs that are named after an id. Those that are not there count as removed. */
export async function deleteStepLogs(bus: Bus, logId: string): Promise<void> {
  for (const index of STEP_MS.keys()) await bus.deleteLog(stepId(logId, index));
}

function stepId(logId: string, index: number): string {
  return `${logId}.step${index}`;
}

function stepSpec(spec: LogSpec, index: number): LogSpec {
  return { ...spec, id: stepId(spec.id, index), partitions: 1 };
}

interface Handoffs {
  get(id: string): Promise<StepResult> | undefined;
  set(id: string, running: Promise<StepResult>): void;
  delete(id: string): void;
}

/** Attempts that went on when their events were handed off, by the ids of their records. */
function makeHandoffs(timeouts: Timeouts): Handoffs {
  const all = new Map<string, Promise<StepResult>>();
  return {
    get: (id) => all.get(id),
    set(id, running) {
      all.set(id, running);
      // Whoever works the record off takes the attempt's end. When that is another process, nobody here does.
      const forget = (): void => void timeouts.start(HANDOFF_KEPT_MS, () => all.delete(id));
      running.then(forget, forget);
    },
    delete(id) {
      all.delete(id);
    },
  };
}

function countParked({ parked, consumer }: KnownConsumer, { id, index, record }: Noted, clock: Clock): void {
  const workedOffMs = (STEP_MS[index] ?? 0) + consumer.retryPolicy.timeoutMs + WORKED_OFF_WITHIN_MS;
  parked.add(id, { bytes: recordBytes(record), goneMs: clock.nowMs() + workedOffMs });
}

interface Waited extends Noted {
  readonly record: HeldRecord;
  readonly job: ParkedJob;
}

interface Noted {
  readonly id: string;
  readonly index: number;
  readonly record: BusRecord;
}

/** Why no more may wait for a consumer. */
function overfull(
  { parked, consumer }: KnownConsumer,
  { bytes, bytesMax }: { readonly bytes: number; readonly bytesMax: number },
): string | undefined {
  const isFull = (): boolean => parked.records >= consumer.limits.backlog || parked.bytes + bytes > bytesMax;
  if (isFull()) parked.forgetGone();
  return isFull() ? `${parked.records} events, ${parked.bytes} bytes, wait for this consumer already` : undefined;
}

function backlogFull(why: string): Failure {
  const data = Buffer.from(why);
  return { reason: "BacklogFull", destination: "the backlog", code: 429, data };
}

interface NotParked {
  readonly running: Promise<StepResult> | undefined;
  readonly error: BusError;
}

/** What the bus will not let wait ends here and now: as the attempt that runs ends, or else in the dead-letter store. */
async function withoutParking(job: Job, { running, error }: NotParked, tools: DeliveryTools): Promise<StepResult> {
  const result = await running?.catch(tools.onFault);
  if (result?.kind === "ended" || result?.kind === "given-up") return result;
  if (error instanceof LogFullError) return store(job, backlogFull(error.message), tools);
  tools.onFault(error);
  const data = Buffer.from(error.message);
  return store(job, { reason: "NotParked", destination: "the backlog", code: 413, data }, tools);
}

/** The running attempt's own end if this process still knows it; else the job goes on from what the record says. */
async function goOn(
  job: ParkedJob,
  running: Promise<StepResult> | undefined,
  tools: DeliveryTools,
): Promise<StepResult> {
  const result = await running?.catch(tools.onFault);
  if (result === undefined || result.kind === "given-up") return carry(job, tools, { isOwnReader: false });
  if (result.kind !== "again" || result.isDeferred) return result;
  return carry(result.job, tools, { isOwnReader: false });
}

async function waitOut(dueMs: number, tools: DeliveryTools): Promise<boolean> {
  const waitMs = dueMs - tools.clock.nowMs();
  return waitMs <= 0 ? !tools.waiting.isClosing : tools.waiting.pause(waitMs);
}

async function appendUntilDurable(
  step: Step | undefined,
  record: ReturnType<typeof parkedRecord>,
  tools: DeliveryTools,
): Promise<boolean> {
  if (step === undefined) throw new Error("no such step");
  const append = async (): Promise<void> => {
    const log = await step.open();
    await log.append(record);
  };
  return repeatUntilTaken(append, { retryMs: APPEND_RETRY_MS, waiting: tools.waiting });
}

/** A step's log, made with its first record. */
interface Step {
  onRecord: (held: HeldRecord) => void;
  open(): Promise<BusLog>;
  find(): Promise<void>;
  setPaused(isPaused: boolean): void;
  unfinished(): Promise<number>;
  close(): Promise<void>;
}

function makeStep(bus: Bus, spec: LogSpec): Step {
  let opening: Promise<BusLog> | undefined;
  let reader: BusReader | undefined;
  let isPaused = false;
  const start = async (log: BusLog): Promise<BusLog> => {
    reader = await log.openReader({
      id: READER_ID,
      from: "beginning",
      inFlightMax: IN_FLIGHT_MAX,
      onRecord: (held) => {
        step.onRecord(held);
      },
    });
    if (isPaused) reader.pause();
    return log;
  };
  const startOnce = (begin: () => Promise<BusLog>): Promise<BusLog> => {
    if (opening !== undefined) return opening;
    const begun = begin();
    opening = begun;
    // A broker that was away is asked again by the next one who comes.
    begun.catch(() => {
      opening = undefined;
    });
    return begun;
  };
  const step: Step = {
    onRecord: () => undefined,
    open() {
      return startOnce(() => bus.openLog(spec).then(start));
    },
    async find() {
      const log = await bus.findLog(spec);
      if (log !== undefined) await startOnce(() => start(log));
    },
    setPaused(paused) {
      isPaused = paused;
      if (paused) reader?.pause();
      else reader?.resume();
    },
    async unfinished() {
      const log = await opening?.catch(() => undefined);
      return log === undefined ? 0 : (await log.backlog(READER_ID)).records;
    },
    async close() {
      await reader?.close();
      const log = await opening?.catch(() => undefined);
      await log?.close();
    },
  };
  return step;
}
