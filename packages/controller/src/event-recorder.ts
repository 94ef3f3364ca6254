import type { KubeObject } from "@kelvin/api";
import { CoreEvent, makeBackoff, NotFoundError, systemClock, toError } from "@kelvin/kube";
import type { Clock, KubeClient } from "@kelvin/kube";
import { silentLog } from "./log.ts";
import type { Log } from "./log.ts";

/** Tells people what was done to an object, through core/v1 Events as `kubectl describe` shows. Never fails, never waits. */
export interface EventRecorder {
  /** `reason` is one word for programs, `message` a sentence that names the object concerned. */
  normal(object: KubeObject, reason: string, message: string): void;
  warning(object: KubeObject, reason: string, message: string): void;
}

/** Records nothing. */
export const silentRecorder: EventRecorder = {
  normal: () => {
    // Nobody is told.
  },
  warning: () => {
    // Nobody is told.
  },
};

/** Who records, and where to. */
export interface EventRecorderOptions {
  kube: Pick<KubeClient, "create" | "patch">;
  /** Shown as the source, such as `revision-controller`. */
  component: string;
  clock?: Clock;
  log?: Log;
}

/** An EventRecorder that writes in the background. */
export interface OpenEventRecorder extends EventRecorder {
  /** Resolves when all that was recorded so far has been written or given up. */
  flush(): Promise<void>;
  /** Writes what waits, for at most 2 s, then stops. */
  close(): Promise<void>;
}

/** Distinct Events that may wait to be written; more are dropped. */
const PENDING_MAX = 500;
/** Distinct Events remembered, so that their next occurrence raises a count. */
const REMEMBERED_MAX = 2000;
/** New Events of one object at once, and how long until one more is allowed: as in client-go. */
const BURST_MAX = 25;
const REFILL_MS = 300_000;
const CLOSE_MS_MAX = 2000;
const ATTEMPTS_MAX = 4;

interface Occurrence {
  key: string;
  object: KubeObject;
  type: "Normal" | "Warning";
  reason: string;
  message: string;
  count: number;
  firstTimestamp: string;
  lastTimestamp: string;
}

interface Recorder {
  options: EventRecorderOptions;
  clock: Clock;
  log: Log;
  abort: AbortController;
  pending: Map<string, Occurrence>;
  /** What is stored: the Event's name and its count so far. Insertion order is age. */
  written: Map<string, { name: string; count: number; firstTimestamp: string }>;
  budgets: Map<string, { tokens: number; filledMs: number }>;
  serial: number;
}

/**
 * Opens a recorder. Repetitions of an Event raise its count; one object's Events are limited, as is what waits; an API
 * server that does not answer costs Events and nothing else.
 */
export function openEventRecorder(options: EventRecorderOptions): OpenEventRecorder {
  const recorder: Recorder = {
    options,
    clock: options.clock ?? systemClock,
    log: options.log ?? silentLog,
    abort: new AbortController(),
    pending: new Map(),
    written: new Map(),
    budgets: new Map(),
    serial: 0,
  };
  let writing: Promise<void> | undefined;
  const record = (type: Occurrence["type"]) => (object: KubeObject, reason: string, message: string) => {
    if (recorder.abort.signal.aborted || !addOccurrence(recorder, { type, object, reason, message })) return;
    writing ??= writeAll(recorder).finally(() => (writing = undefined));
  };
  const flush = (): Promise<void> => writing ?? Promise.resolve();
  return {
    normal: record("Normal"),
    warning: record("Warning"),
    flush,
    async close() {
      const cancel = recorder.clock.setTimer(() => recorder.abort.abort(), CLOSE_MS_MAX);
      await flush();
      cancel();
      recorder.abort.abort();
    },
  };
}

type NewOccurrence = Pick<Occurrence, "type" | "object" | "reason" | "message">;

/** Whether the occurrence will be written. */
function addOccurrence(recorder: Recorder, { type, object, reason, message }: NewOccurrence): boolean {
  const owner = ownerText(object);
  const key = JSON.stringify([owner, type, reason, message]);
  const now = kubeTime(recorder.clock.now());
  const waiting = recorder.pending.get(key);
  if (waiting !== undefined) {
    waiting.count += 1;
    waiting.lastTimestamp = now;
    return true;
  }
  if (recorder.pending.size >= PENDING_MAX || !spend(recorder, owner)) {
    recorder.log.debug({ reason, object: owner }, "Dropped an Event over the limit");
    return false;
  }
  const times = { firstTimestamp: now, lastTimestamp: now };
  recorder.pending.set(key, { key, object, type, reason, message, count: 1, ...times });
  return true;
}

function ownerText({ kind, metadata }: KubeObject): string {
  return `${kind}/${metadata.namespace}/${metadata.name}/${metadata.uid}`;
}

/** Takes a token from the object's bucket. */
function spend({ budgets, clock }: Recorder, owner: string): boolean {
  const nowMs = clock.monotonicMs();
  const budget = budgets.get(owner) ?? { tokens: BURST_MAX, filledMs: nowMs };
  const refilled = Math.floor((nowMs - budget.filledMs) / REFILL_MS);
  const tokens = Math.min(BURST_MAX, budget.tokens + refilled);
  budgets.delete(owner);
  budgets.set(owner, { tokens: Math.max(0, tokens - 1), filledMs: budget.filledMs + refilled * REFILL_MS });
  forgetOldest(budgets, REMEMBERED_MAX);
  return tokens > 0;
}

function forgetOldest(map: Map<string, unknown>, sizeMax: number): void {
  if (map.size <= sizeMax) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}

async function writeAll(recorder: Recorder): Promise<void> {
  // What is recorded in the same turn shares one write.
  await Promise.resolve();
  for (const [key, occurrence] of recorder.pending) {
    recorder.pending.delete(key);
    await writeWithRetries(recorder, occurrence);
  }
}

async function writeWithRetries(recorder: Recorder, occurrence: Occurrence): Promise<void> {
  const backoff = makeBackoff(500, 10_000);
  const { signal } = recorder.abort;
  for (let attempts = 1; !signal.aborted; attempts += 1) {
    try {
      await writeOccurrence(recorder, occurrence);
      return;
    } catch (thrown) {
      const err = toError(thrown);
      recorder.log.debug({ err, reason: occurrence.reason }, "Writing an Event failed");
      // A refused Event (its namespace may be going away) will be refused again.
      if (attempts >= ATTEMPTS_MAX || ("code" in err && Number(err.code) < 500)) return;
    }
    await recorder.clock.sleep(backoff.nextMs(), signal);
  }
}

async function writeOccurrence(recorder: Recorder, occurrence: Occurrence): Promise<void> {
  const { key, lastTimestamp } = occurrence;
  const known = recorder.written.get(key);
  const { kube } = recorder.options;
  const { signal } = recorder.abort;
  if (known !== undefined) {
    const count = known.count + occurrence.count;
    const event = { name: known.name, namespace: namespaceOf(occurrence.object) };
    try {
      await kube.patch(CoreEvent, event, { type: "merge", body: { count, lastTimestamp } }, { signal });
      remember(recorder, key, { ...known, count });
      return;
    } catch (error) {
      // Events expire after an hour; this one starts over.
      if (!(error instanceof NotFoundError)) throw error;
    }
  }
  const event = makeEvent(recorder, occurrence);
  await kube.create(CoreEvent, event, { signal });
  const { count, firstTimestamp } = occurrence;
  remember(recorder, key, { name: event.metadata.name ?? "", count, firstTimestamp });
}

function remember(
  { written }: Recorder,
  key: string,
  entry: { name: string; count: number; firstTimestamp: string },
): void {
  written.delete(key);
  written.set(key, entry);
  forgetOldest(written, REMEMBERED_MAX);
}

function makeEvent(recorder: Recorder, occurrence: Occurrence): CoreEvent {
  const { object, type, reason, message, count, firstTimestamp, lastTimestamp } = occurrence;
  const { name = "", uid, resourceVersion } = object.metadata;
  const namespace = namespaceOf(object);
  const { component } = recorder.options;
  recorder.serial += 1;
  const suffix = `${recorder.clock.now().getTime().toString(16)}${recorder.serial.toString(16).padStart(4, "0")}`;
  return {
    metadata: { name: `${name}.${suffix}`, namespace },
    involvedObject: {
      ...(object.apiVersion !== undefined && { apiVersion: object.apiVersion }),
      ...(object.kind !== undefined && { kind: object.kind }),
      name,
      namespace,
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
    },
    type,
    reason,
    // The API server refuses longer ones.
    message: message.slice(0, 1024),
    count,
    firstTimestamp,
    lastTimestamp,
    source: { component },
    reportingComponent: component,
  };
}

/** Events of cluster-scoped objects live in `default`. */
function namespaceOf({ metadata }: KubeObject): string {
  return metadata.namespace ?? "default";
}

function kubeTime(now: Date): string {
  return `${now.toISOString().slice(0, 19)}Z`;
}
