import type { Kind, KubeObject } from "@kelvin/api";
import type { Clock } from "./clock.ts";
import { errorFromStatus, KubeError, toError, UnavailableError } from "./errors.ts";
import type { Status } from "./errors.ts";
import { asObject } from "./as-object.ts";
import type { Transport } from "./http-transport.ts";
import type { WatchEvent, WatchOptions } from "./kube-client.ts";
import { linkSignals } from "./linked-signal.ts";
import { splitLines } from "./line-splitter.ts";
import { collectionPath, queryText } from "./resource-path.ts";

/** How long after its promised end a watch that is still open is taken for dead. */
const OVERTIME_MS_MAX = 30_000;
/** A server that sends bookmarks does so about every minute; silence for three means that the connection is gone. */
const SILENCE_MS_MAX = 180_000;

interface WatchDeps {
  transport: Transport;
  clock: Clock;
}

/** One watch over HTTP: see KubeClient.watch. Ends without an error when `options.signal` aborts. */
export async function* watchOverHttp<T extends KubeObject>(
  { transport, clock }: WatchDeps,
  kind: Kind<T>,
  options: WatchOptions,
): AsyncGenerator<WatchEvent<T>> {
  if (isAborted(options.signal)) return;
  const timeoutSeconds = options.timeoutSeconds ?? 300 + Math.floor(Math.random() * 300);
  const watchdog = openWatchdog(clock, timeoutSeconds * 1000 + OVERTIME_MS_MAX);
  const linked = linkSignals(options.signal, watchdog.signal);
  let body: { destroy(): unknown } | undefined;
  try {
    const stream = await transport.stream(watchPath(kind, options, timeoutSeconds), linked.signal);
    body = stream;
    for await (const line of splitLines(stream)) {
      const event = parseEvent(kind, line);
      watchdog.feed(event.type === "BOOKMARK");
      yield event;
    }
  } catch (error) {
    if (isAborted(options.signal)) return;
    if (watchdog.signal.aborted) throw new UnavailableError(`the watch of ${kind.plural} went silent`);
    throw error instanceof KubeError ? error : brokenWatch(kind, error);
  } finally {
    watchdog.close();
    linked.unlink();
    body?.destroy();
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

function brokenWatch<T extends KubeObject>(kind: Kind<T>, error: unknown): UnavailableError {
  const cause = toError(error);
  return new UnavailableError(`the watch of ${kind.plural} broke: ${cause.message}`, { cause });
}

function watchPath<T extends KubeObject>(kind: Kind<T>, options: WatchOptions, timeoutSeconds: number): string {
  const { namespace, labelSelector, fieldSelector, resourceVersion } = options;
  const query = {
    watch: true,
    allowWatchBookmarks: true,
    resourceVersion,
    timeoutSeconds,
    labelSelector,
    fieldSelector,
  };
  return collectionPath(kind, namespace) + queryText(query);
}

interface RawEvent {
  type?: string;
  object?: unknown;
}

function parseEvent<T extends KubeObject>(kind: Kind<T>, line: string): WatchEvent<T> {
  const { type, object } = JSON.parse(line) as RawEvent;
  switch (type) {
    case "ADDED":
    case "MODIFIED":
    case "DELETED":
      return { type, object: asObject(kind, object) };
    case "BOOKMARK":
      return { type, resourceVersion: asObject(kind, object).metadata.resourceVersion ?? "" };
    case "ERROR":
      throw errorFromStatus((object ?? {}) as Status);
    default:
      throw new UnavailableError(`the watch of ${kind.plural} sent an unknown event "${String(type)}"`);
  }
}

interface Watchdog {
  readonly signal: AbortSignal;
  feed(sendsBookmarks: boolean): void;
  close(): void;
}

/** Aborts after `lifeMsMax`, and, once the server has shown that it sends bookmarks, after too long a silence. */
function openWatchdog(clock: Clock, lifeMsMax: number): Watchdog {
  const abort = new AbortController();
  const die = (): void => abort.abort();
  const cancelLife = clock.setTimer(die, lifeMsMax);
  let cancelSilence: (() => void) | undefined;
  return {
    signal: abort.signal,
    feed(sendsBookmarks) {
      if (cancelSilence === undefined && !sendsBookmarks) return;
      cancelSilence?.();
      cancelSilence = clock.setTimer(die, SILENCE_MS_MAX);
    },
    close() {
      cancelLife();
      cancelSilence?.();
    },
  };
}
