import { createHash } from "node:crypto";

/** Letters that a stream's, subject's or consumer's name may hold. */
const ILLEGAL = /[^A-Za-z0-9_-]/g;
const READABLE_MAX = 80;

/**
 * A name at the server for a name of ours: readable, and never the same for two of ours, whatever they hold. The hash is
 * left out where nothing had to be changed.
 */
export function brokerName(name: string): string {
  const readable = name.replace(ILLEGAL, "_");
  if (readable === name && name.length <= READABLE_MAX) return name;
  const mark = createHash("sha256").update(name).digest("hex").slice(0, 10);
  return `${readable.slice(0, READABLE_MAX)}-${mark}`;
}

/** The stream of a log. */
export function streamName(logId: string): string {
  return `KELVIN-${brokerName(logId)}`;
}

/** The subject of one partition of a log. */
export function subjectOf(logId: string, partition: number): string {
  return `kelvin.${brokerName(logId)}.p${partition}`;
}

/** The subject on which it is kept up to where a durable consumer of a log is finished; `*` for all. */
export function placeSubjectOf(logId: string, durable: string): string {
  return `kelvin.${brokerName(logId)}.place.${durable}`;
}

/** The subject on which the holder of a message is kept. */
export function holderSubjectOf(
  logId: string,
  { durable, sequence }: { readonly durable: string; readonly sequence: number | "*" },
): string {
  return `kelvin.${brokerName(logId)}.holder.${durable}.${sequence}`;
}

/** The durable consumer of a reader for one partition. */
export function durableName(readerId: string, partition: number): string {
  return `${brokerName(readerId)}-p${partition}`;
}
