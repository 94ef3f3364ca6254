import type { BusRecord, DeadLetter, DeadLetterReason, HeldRecord } from "@kelvin/bus";

/** A letter as it is given to the store. */
export type NewLetter = Omit<DeadLetter, "id" | "storedAtMs">;

/** How many of a consumer's letters were thrown out, kept as a record among the letters. */
export interface EvictionCount {
  readonly consumerId: string;
  readonly evicted: number;
  /** The count before it, which it stands for; empty for the first. */
  readonly replaces: string;
  /** The letter that was thrown out last. */
  readonly letterId: string;
}

/** What a record of the store is, by the id it was given; `id` sorts by age. */
export type StoreRecord =
  | { readonly kind: "letter"; readonly givenId: string; readonly letter: DeadLetter }
  | { readonly kind: "count"; readonly givenId: string; readonly count: EvictionCount };

const NOTE = "kelvin-dead-";
const DETAIL_CHARS_MAX = 500;
const MS_DIGITS = 15;

/** A letter as a record. */
export function letterRecord(letter: NewLetter, givenId: string): BusRecord {
  const { consumerId, reason, detail, headers, body } = letter;
  const notes = writeNotes({
    id: givenId,
    consumer: consumerId,
    reason,
    detail: detail.slice(0, DETAIL_CHARS_MAX).toWellFormed(),
  });
  return { headers: [...notes, ...headers], body };
}

/** A count as a record. */
export function countRecord(count: EvictionCount, givenId: string): BusRecord {
  const { consumerId, evicted, replaces, letterId } = count;
  const notes = { id: givenId, consumer: consumerId, evicted: String(evicted), replaces, letter: letterId };
  return { headers: writeNotes(notes), body: Buffer.alloc(0) };
}

/** Reads either back. A record that nobody of ours wrote is a letter of no consumer. */
export function readStoreRecord(record: HeldRecord): StoreRecord {
  const { notes, headers } = readNotes(record.headers);
  const givenId = notes.get("id") ?? "";
  const consumerId = notes.get("consumer") ?? "";
  const evicted = notes.get("evicted");
  if (evicted !== undefined) {
    const [replaces = "", letterId = ""] = [notes.get("replaces"), notes.get("letter")];
    return { kind: "count", givenId, count: { consumerId, evicted: Number(evicted), replaces, letterId } };
  }
  const storedAtMs = Math.floor(record.acceptedAtMs);
  const letter: DeadLetter = {
    id: `${String(storedAtMs).padStart(MS_DIGITS, "0")}-${givenId}`,
    consumerId,
    reason: (notes.get("reason") ?? "Rejected") as DeadLetterReason,
    detail: notes.get("detail") ?? "",
    storedAtMs,
    headers,
    body: record.body,
  };
  return { kind: "letter", givenId, letter };
}

function writeNotes(notes: Readonly<Record<string, string>>): string[] {
  return Object.entries(notes).flatMap(([name, value]) => [`${NOTE}${name}`, encodeURIComponent(value)]);
}

function readNotes(all: readonly string[]): { readonly notes: Map<string, string>; readonly headers: string[] } {
  const notes = new Map<string, string>();
  const headers: string[] = [];
  for (let index = 0; index + 1 < all.length; index += 2) {
    const [name = "", value = ""] = [all[index], all[index + 1]];
    if (name.startsWith(NOTE)) notes.set(name.slice(NOTE.length), decodeURIComponent(value));
    else headers.push(name, value);
  }
  return { notes, headers };
}
