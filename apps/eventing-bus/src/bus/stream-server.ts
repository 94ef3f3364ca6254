import { makeBackoff, type Backoff, type CallPlaces, type Clock } from "@kelvin/kube";
import type { Logger } from "@kelvin/http-service";
import type { BrokerNames } from "../model/broker-names.ts";
import type { InheritedDelivery } from "../model/consumer-of.ts";
import type { BusLink } from "./bus-link.ts";
import type { ClusterView } from "./cluster-view.ts";
import type { ConsumerCensus } from "./consumer-census.ts";
import type { Editions } from "./editions.ts";
import type { Heartbeat } from "./heartbeat.ts";
import type { OpenStream, StreamParts } from "./open-stream.ts";
import type { ReportBook } from "./report-book.ts";
import type { Routes } from "./routes.ts";
import type { StreamName } from "./stream-key.ts";
import { consumersOf, reportStream } from "./stream-reports.ts";
import { refuse, syncStream } from "./sync-stream.ts";

/** What all stream servers of this process share. */
export interface ServerDeps {
  readonly view: ClusterView;
  readonly link: BusLink;
  readonly heartbeat: Heartbeat;
  readonly routes: Routes;
  readonly book: ReportBook;
  readonly census: ConsumerCensus;
  readonly parts: StreamParts;
  readonly names: BrokerNames;
  /** How many of them work at the broker at once. */
  readonly places: CallPlaces;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Serves one stream as the cluster wants it, whatever that is: also by removing what is not wanted any more. */
export interface StreamServer {
  /** Something may have changed. */
  wake(): void;
  /** Resolves when it was looked at once. */
  readonly looked: Promise<void>;
  /** Whether there is nothing to keep in mind of the stream. */
  readonly isIdle: boolean;
  /** Events that some consumer has not had yet. */
  unfinished(): Promise<number>;
  /** Reads on or not, while it is not known who the consumers are. */
  setPaused(isPaused: boolean): void;
  /** Stops delivering, after up to `drainMs` for attempts that run. What waits stays with the bus. */
  close(drainMs: number): Promise<void>;
}

/** What a server knows of its stream. */
export interface ServerState {
  readonly stream: StreamName;
  /** The stream at the bus; undefined: not opened. */
  opened: OpenedStream | undefined;
  /** Who is served, by uid. */
  editions: Editions;
  /** Consumers that go or are gone, by uid: what they have at the bus under this id is to be removed. */
  readonly leaving: Map<string, string>;
  /** Consumers of which that is done, while their objects live on. */
  readonly left: Set<string>;
  /** The uid of the stream that was removed at the bus, while its object lives on. */
  removedUid: string | undefined;
  /** When this process saw that the stream is being deleted. */
  drainsSinceMs: number | undefined;
  /** What consumers inherit, as of the last status that spoke of the spec. */
  inherited: { readonly uid: string; readonly delivery: InheritedDelivery } | undefined;
  /** All uids that the report has something of. */
  readonly reported: Set<string>;
}

/** A stream that is open at the bus. */
export interface OpenedStream extends OpenStream {
  /** Of its object. */
  readonly uid: string;
  /** What was said of it when it was opened (`ChannelArguments`), as text. */
  readonly saidText: string;
  /** @see OpenedBus.life */
  readonly life: string;
  /** Delivers nothing any more; what it has at the bus is being removed. */
  isClosed: boolean;
}

/** Changes that come together are served together: the more consumers there are, the longer that takes, the more of them. */
const GATHER_MS_MIN = 10;
const GATHER_MS_MAX = 500;
const GATHER_FACTOR = 5;
const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 10_000;

/** @see StreamServer */
export function openStreamServer(stream: StreamName, deps: ServerDeps): StreamServer {
  const { clock } = deps;
  const state: ServerState = {
    stream,
    opened: undefined,
    editions: new Map(),
    leaving: new Map(),
    left: new Set(),
    removedUid: undefined,
    drainsSinceMs: undefined,
    inherited: undefined,
    reported: new Set(),
  };
  const looked = Promise.withResolvers<void>();
  const abort = new AbortController();
  const { signal } = abort;
  const backoff = makeBackoff(RETRY_MS_MIN, RETRY_MS_MAX);
  let isDirty = false;
  let lookMs = 0;
  let running: Promise<void> | undefined;
  let cancelTimer: (() => void) | undefined;

  const wake = (): void => {
    isDirty = true;
    if (signal.aborted) return;
    running ??= run().finally(() => {
      running = undefined;
    });
  };
  const run = async (): Promise<void> => {
    while (isDirty && !signal.aborted) {
      await clock.sleep(Math.min(GATHER_MS_MAX, Math.max(GATHER_MS_MIN, lookMs * GATHER_FACTOR)), signal);
      if (signal.aborted) return;
      isDirty = false;
      cancelTimer?.();
      cancelTimer = undefined;
      const startMs = clock.monotonicMs();
      const againMs = await syncOnce(state, deps, backoff);
      lookMs = clock.monotonicMs() - startMs;
      if (againMs !== undefined) cancelTimer = clock.setTimer(wake, againMs);
      looked.resolve();
    }
  };
  return {
    wake,
    looked: looked.promise,
    get isIdle() {
      return running === undefined && state.opened === undefined && deps.view.wanted(stream) === "gone";
    },
    unfinished: async () => (await state.opened?.delivery.unfinished()) ?? 0,
    setPaused(isPaused) {
      if (isPaused) state.opened?.delivery.pause();
      else state.opened?.delivery.resume();
    },
    async close(drainMs) {
      abort.abort();
      cancelTimer?.();
      looked.resolve();
      await running;
      await state.opened?.delivery.close(drainMs);
    },
  };
}

/** One look at what is wanted. Resolves with how long to wait before another, if none is asked for before. */
async function syncOnce(state: ServerState, deps: ServerDeps, backoff: Backoff): Promise<number | undefined> {
  const giveBack = await deps.places.take();
  try {
    const againMs = await syncStream({ state, deps });
    backoff.reset();
    return againMs;
  } catch (error) {
    deps.log.warn({ err: error, stream: state.stream }, "Could not serve a stream as wanted; it is tried again");
    tryToReport(state, deps, error instanceof Error ? error.message : String(error));
    return backoff.nextMs();
  } finally {
    giveBack();
  }
}

/** An object that cannot even be reported on must not take down the streams of others. */
function tryToReport(state: ServerState, deps: ServerDeps, message: string): void {
  try {
    reportFailure(state, deps, message);
  } catch (err) {
    deps.log.error({ err, stream: state.stream }, "Could not report how a stream is served");
  }
}

/** What is not served as wanted says why; what is served as it was goes on. */
function reportFailure(state: ServerState, deps: ServerDeps, message: string): void {
  const { stream, opened, editions } = state;
  const wanted = deps.view.wanted(stream);
  if (typeof wanted === "string") return;
  if (opened === undefined && wanted.deletedAtMs === undefined) {
    refuse(message, { state, deps });
    reportStream(wanted, { state: "failed", message }, { state, deps });
  }
  for (const { metadata } of consumersOf(wanted)) {
    const { uid = "", generation = 0 } = metadata;
    const served = editions.get(uid);
    if (served?.consumer.generation === generation && metadata.deletionTimestamp === undefined) continue;
    deps.book.setConsumer(uid, { generation, state: "failed", message, since: served?.since ?? null });
    state.reported.add(uid);
  }
}
