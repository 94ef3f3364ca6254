import { BusError, BusRefusedError, BusUnavailableError } from "@kelvin/bus";
import { status } from "@grpc/grpc-js";

/** Codes that waiting does not mend. */
const REFUSALS: ReadonlySet<number> = new Set([
  status.INVALID_ARGUMENT,
  status.ALREADY_EXISTS,
  status.PERMISSION_DENIED,
  status.UNAUTHENTICATED,
  status.FAILED_PRECONDITION,
  status.OUT_OF_RANGE,
  status.UNIMPLEMENTED,
]);

/** Codes that say that the service was not reached, or did not answer. */
const AWAY: ReadonlySet<number> = new Set([status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.CANCELLED]);

const HINTS: ReadonlyMap<number, string> = new Map([
  [status.UNAUTHENTICATED, "; are the credentials still valid?"],
  [status.PERMISSION_DENIED, "; the service account needs roles/pubsub.editor in this project"],
]);

/** The gRPC status of what a call failed with; undefined for an error of another kind. */
export function codeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "number" ? error.code : undefined;
}

/** Whether the service says that a topic or subscription is not there; a project that is not there is another matter. */
export function isNotFound(error: unknown): boolean {
  return codeOf(error) === status.NOT_FOUND && !isOfProject(error);
}

/** Whether the service says that a topic or subscription is there already. */
export function isThereAlready(error: unknown): boolean {
  return codeOf(error) === status.ALREADY_EXISTS;
}

/** Whether the service was not reached, or did not answer. */
export function isAway(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && AWAY.has(code);
}

/** Whether the same request may succeed a moment later. */
export function mayPass(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && !REFUSALS.has(code) && code !== status.NOT_FOUND;
}

/** What a call failed with, as an error of the port. The message says what was asked for and what was answered. */
export function pubsubFailure(error: unknown, what: string): Error {
  if (error instanceof BusError) return error;
  const code = codeOf(error);
  const text = error instanceof Error ? error.message : String(error);
  if (code === undefined) return new BusUnavailableError(`${what}: ${text}`);
  if (REFUSALS.has(code) || isOfProject(error)) {
    return new BusRefusedError(`${what}: refused: ${text}${HINTS.get(code) ?? ""}`);
  }
  if (code === status.DEADLINE_EXCEEDED) return new BusUnavailableError(`${what}: Pub/Sub does not answer: ${text}`);
  return new BusUnavailableError(`${what}: ${text}`);
}

/** Runs `ask`; what it throws is thrown as an error of the port. */
export async function asked<T>(what: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw pubsubFailure(error, what);
  }
}

/** What is asked for, or undefined when the service says that it is not there. */
export async function ignoreMissing<T>(asking: Promise<T>): Promise<T | undefined> {
  try {
    return await asking;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function isOfProject(error: unknown): boolean {
  return codeOf(error) === status.NOT_FOUND && error instanceof Error && /\bproject not found\b/i.test(error.message);
}
