import type { BusRecord } from "../bus.ts";
import { takeFor } from "./event-in-hand.ts";
import type { Job } from "./job.ts";
import type { StreamRules } from "./tools.ts";

/** A job as it waits in a step log. */
export interface ParkedJob extends Job {
  /** Names this wait; the process that parked the job knows more of it. */
  readonly parkingId: string | undefined;
}

const PREFIX = "kelvin-parked-";

/** The record: the original message, with what the engine must know in headers of its own. */
export function parkedRecord(job: Job, parkingId: string): BusRecord {
  const notes = [
    [`${PREFIX}consumer`, encodeURIComponent(job.consumerId)],
    [`${PREFIX}attempts`, String(job.attempts)],
    [`${PREFIX}deferrals`, String(job.deferrals)],
    [`${PREFIX}not-before`, String(Math.ceil(job.notBeforeMs))],
    ...(job.hasTurn ? [[`${PREFIX}turn`, "1"]] : []),
    [`${PREFIX}id`, parkingId],
  ];
  return { headers: [...notes.flat(), ...withoutNotes(job.hand.headers)], body: job.hand.body };
}

/** Reads it back; undefined for a record that nobody of ours wrote. */
export function readParkedRecord(record: BusRecord, rules: StreamRules): ParkedJob | undefined {
  const notes = new Map<string, string>();
  for (let index = 0; index + 1 < record.headers.length; index += 2) {
    const name = (record.headers[index] ?? "").toLowerCase();
    if (name.startsWith(PREFIX)) notes.set(name.slice(PREFIX.length), record.headers[index + 1] ?? "");
  }
  const consumer = notes.get("consumer");
  if (consumer === undefined) return undefined;
  return {
    hand: takeFor(rules, { headers: withoutNotes(record.headers), body: record.body }),
    consumerId: decodeURIComponent(consumer),
    attempts: count(notes.get("attempts")),
    deferrals: count(notes.get("deferrals")),
    hasTurn: notes.has("turn"),
    notBeforeMs: count(notes.get("not-before")),
    parkingId: notes.get("id"),
  };
}

function count(text: string | undefined): number {
  const value = Number(text);
  return Number.isSafeInteger(value) && value >= 0 ? value : 0;
}

function withoutNotes(headers: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? "";
    if (!name.toLowerCase().startsWith(PREFIX)) kept.push(name, headers[index + 1] ?? "");
  }
  return kept;
}
