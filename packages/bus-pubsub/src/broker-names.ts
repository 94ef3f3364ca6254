import { createHash } from "node:crypto";

/** Letters that the name of a topic or subscription may hold. */
const FOREIGN = /[^A-Za-z0-9._~%+-]/g;
const NAME_MAX = 200;
const HASH_DIGITS = 10;
const MARK_DIGITS = 40;
/** What v0.1 named after three names, joined by dashes: `channel/{bus}/{namespace}/{channel}`, and of subscriptions. */
const FOUNDED = /^(?:channel|subscription)\/[^/]+\/[^/]+\/[^/]+$/;

/** Labels that say whose a topic or subscription is. */
export const markLabels = { log: "kelvin-log", reader: "kelvin-reader" } as const;

/**
 * The topic of a log. `channel/b/n/c` is `channel-b-n-c`, as v0.1 had it, whatever that collides with: the mark tells. Any
 * other id is its own name, or carries a hash where Pub/Sub allows it not as it is.
 */
export function topicId(logId: string): string {
  return FOUNDED.test(logId) ? logId.replaceAll("/", "-") : safeName(logId);
}

/** The subscription of a reader. `subscription/b/n/s` is `subscription-b-n-s`, as v0.1 had it. */
export function subscriptionId(logId: string, readerId: string): string {
  return FOUNDED.test(readerId) ? readerId.replaceAll("/", "-") : safeName(`${logId}/${readerId}`);
}

/** The mark of a log, a label's value: the same for one id alone. */
export function logMark(logId: string): string {
  return createHash("sha256").update(logId).digest("hex").slice(0, MARK_DIGITS);
}

/** The mark of a reader of a log. */
export function readerMark(logId: string, readerId: string): string {
  return logMark(JSON.stringify([logId, readerId]));
}

function safeName(id: string): string {
  // Names of fewer than three letters, and those that begin with "goog" or no letter, are not allowed.
  const isFree = /^[A-Za-z][A-Za-z0-9._~%+-]{2,}$/.test(id) && !/^goog/i.test(id) && id.length <= NAME_MAX;
  if (isFree) return id;
  const hash = createHash("sha256").update(id).digest("hex").slice(0, HASH_DIGITS);
  return `kelvin-${id.replace(FOREIGN, "-").slice(0, NAME_MAX)}-${hash}`;
}
