import { BusError, BusRefusedError, BusUnavailableError, RecordTooLargeError } from "@kelvin/bus";

/** What the broker answers when no waiting mends it. */
const REFUSALS = new Set([
  "SASL_AUTHENTICATION_FAILED",
  "UNSUPPORTED_SASL_MECHANISM",
  "ILLEGAL_SASL_STATE",
  "TOPIC_AUTHORIZATION_FAILED",
  "GROUP_AUTHORIZATION_FAILED",
  "CLUSTER_AUTHORIZATION_FAILED",
  "INVALID_TOPIC_EXCEPTION",
  "INVALID_PARTITIONS",
  "INVALID_REPLICATION_FACTOR",
  "INVALID_CONFIG",
  "POLICY_VIOLATION",
  "TOPIC_DELETION_DISABLED",
  "GROUP_MAX_SIZE_REACHED",
  "INVALID_SESSION_TIMEOUT",
]);

/** What the client threw, as an error of the port. */
export function kafkaFailure(error: unknown, what: string): Error {
  if (error instanceof BusError) return error;
  const causes = causesOf(error);
  if (isAnswer(error, "MESSAGE_TOO_LARGE", "RECORD_LIST_TOO_LARGE")) {
    return new RecordTooLargeError(`${what}: with its headers it is more than the topic takes`, { cause: error });
  }
  const text = `${what}: ${causes.at(-1)?.message ?? String(error)}`;
  const isRefused = causes.some((cause) => REFUSALS.has(typeOf(cause)) || cause.name.includes("SASLAuthentication"));
  return isRefused ? new BusRefusedError(text, { cause: error }) : new BusUnavailableError(text, { cause: error });
}

/** Whether the broker answered with an error of one of these types. */
export function isAnswer(error: unknown, ...types: readonly string[]): boolean {
  return causesOf(error).some((cause) => types.includes(typeOf(cause)));
}

/** Whether the broker said no to what was sent, so that it knows and nothing of it is there. */
export function isVerdict(error: unknown): boolean {
  return causesOf(error).some((cause) => typeOf(cause) !== "" && "retriable" in cause && cause.retriable === false);
}

/** The client wraps errors, some of them in lists. */
function causesOf(error: unknown): Error[] {
  const found: Error[] = [];
  const waiting: unknown[] = [error];
  while (waiting.length > 0 && found.length < 20) {
    const next = waiting.shift();
    if (!(next instanceof Error) || found.includes(next)) continue;
    found.push(next);
    waiting.push(next.cause);
    for (const list of ["errors", "groups"] as const) {
      const inner: unknown = Reflect.get(next, list);
      if (Array.isArray(inner)) waiting.push(...inner.map((each: { error?: unknown }) => each.error ?? each));
    }
  }
  return found;
}

function typeOf(error: Error): string {
  return "type" in error && typeof error.type === "string" ? error.type : "";
}
