import {
  BusError,
  BusRefusedError,
  LogFullError,
  RecordTooLargeError,
  type BusLog,
  type BusRecord,
  type EventInHand,
} from "@kelvin/bus";
import {
  decodeBatch,
  decodeEvent,
  encodeEvent,
  MalformedEventError,
  messageMode,
  type CloudEvent,
  type RawHeaders,
} from "@kelvin/cloudevents";
import { forwardableHeaders } from "./forwardable-headers.ts";
import { passedHeaders } from "./passed-headers.ts";
import { nextTimeToLive } from "./time-to-live.ts";

/** Where events are accepted. */
export interface Entrance {
  readonly log: Pick<BusLog, "append">;
  /**
   * `broker`: sets the arrival time and counts passes. `channel`: takes any payload, and CloudEvents as they are. `busChannel`:
   * takes any payload, and looks at none.
   */
  readonly kind: "broker" | "channel" | "busChannel";
  /** Now, in milliseconds since 1970. */
  readonly nowMs: () => number;
}

/** The answer to whoever sent something. */
export interface Answer {
  readonly status: number;
  /** For people; empty on success. */
  readonly text: string;
  readonly retryAfterSeconds?: number;
}

/** Events of one batch; more is a 413 in all but name. */
const BATCH_EVENTS_MAX = 1_000;
const RETRY_AFTER_SECONDS = 1;

/**
 * Takes one message, and answers when all its events are as safe as the bus can make them. Nothing is invented: what is no
 * CloudEvent is refused at a broker, and carried as it is by a channel.
 */
export async function accept(headers: RawHeaders, body: Buffer, entrance: Entrance): Promise<Answer> {
  try {
    const records = readRecords(headers, body, entrance);
    await Promise.all(records.map((record) => entrance.log.append(record)));
    return { status: 202, text: "" };
  } catch (error) {
    return answerTo(error);
  }
}

/**
 * Takes a reply back into its broker. It counts as a pass of the event that it answers, whose count of passes the
 * subscriber never saw. What is no event is left: nobody would match it.
 *
 * @throws BusError, a LoopError among them
 */
export async function acceptReply(
  { event, headers }: EventInHand,
  original: EventInHand,
  entrance: Entrance,
): Promise<void> {
  if (event === undefined || original.event === undefined) return;
  const timeToLive = nextTimeToLive(original.event);
  await entrance.log.append(brokerRecord(event, { passed: passedHeaders(headers), timeToLive }, entrance));
}

/** An event that passed through its broker too often. */
export class LoopError extends BusRefusedError {
  override readonly name = "LoopError";
}

function readRecords(headers: RawHeaders, body: Buffer, entrance: Entrance): BusRecord[] {
  if (entrance.kind === "busChannel") return [{ headers: forwardableHeaders(headers), body }];
  const passed = passedHeaders(headers);
  const mode = messageMode(headers);
  if (mode === "batch") {
    return decodeBatch(body, BATCH_EVENTS_MAX).map((event) => recordOf(event, passed, entrance));
  }
  if (mode === "none" && entrance.kind === "channel") return [{ headers: passed, body }];
  return [recordOf(decodeEvent(headers, body), passed, entrance)];
}

function recordOf(event: CloudEvent, passed: readonly string[], entrance: Entrance): BusRecord {
  if (entrance.kind === "broker") return brokerRecord(event, { passed, timeToLive: nextTimeToLive(event) }, entrance);
  const { headers, body } = encodeEvent(event);
  return { headers: [...headers, ...besides(passed)], body, ...keyOf(event) };
}

interface Passage {
  readonly passed: readonly string[];
  /** Undefined: it passed through too often. */
  readonly timeToLive: number | undefined;
}

function brokerRecord(event: CloudEvent, { passed, timeToLive }: Passage, { nowMs }: Entrance): BusRecord {
  if (timeToLive === undefined) {
    throw new LoopError(
      "knativebrokerttl: the event passed through this broker too often; is its reply a trigger's own?",
    );
  }
  const set = { knativebrokerttl: String(timeToLive), knativearrivaltime: new Date(nowMs()).toISOString() };
  const { headers, body } = encodeEvent(event, { edits: { set } });
  return { headers: [...headers, ...besides(passed)], body, ...keyOf(event) };
}

function keyOf(event: CloudEvent): { key?: string } {
  const key = event.attributes.get("partitionkey");
  return key === undefined || key === "" ? {} : { key };
}

/** What is not the event's own, whose headers are written anew. */
function besides(passed: readonly string[]): string[] {
  const others: string[] = [];
  for (let index = 0; index + 1 < passed.length; index += 2) {
    const name = passed[index] ?? "";
    if (name !== "content-type" && !name.startsWith("ce-")) others.push(name, passed[index + 1] ?? "");
  }
  return others;
}

function answerTo(error: unknown): Answer {
  if (error instanceof MalformedEventError) return { status: error.status, text: error.message };
  if (error instanceof LoopError) return { status: 400, text: error.message };
  if (error instanceof RecordTooLargeError) return { status: 413, text: error.message };
  if (error instanceof LogFullError) {
    return { status: 429, text: error.message, retryAfterSeconds: RETRY_AFTER_SECONDS };
  }
  if (error instanceof BusError) {
    return { status: 503, text: error.message, retryAfterSeconds: RETRY_AFTER_SECONDS };
  }
  throw error;
}
