import type { KubeObject, ObjectKey } from "@kelvin/api";
import { ConflictError, keyOf, keyText, linkSignals, parseKey, systemClock, toError } from "@kelvin/kube";
import type { Clock, Informer, KubeClient } from "@kelvin/kube";
import { bindSignal } from "./bound-kube.ts";
import { noMetrics } from "./controller-metrics.ts";
import type { ControllerMetrics, ReconcileResult } from "./controller-metrics.ts";
import { silentRecorder } from "./event-recorder.ts";
import type { EventRecorder } from "./event-recorder.ts";
import type { WatchSource } from "./key-mapper.ts";
import { silentLog } from "./log.ts";
import type { Log } from "./log.ts";
import { TerminalError } from "./outcome.ts";
import type { Outcome } from "./outcome.ts";
import { reconcileKey } from "./reconcile-loop.ts";
import type { ReconcileContext, ReconcileRules } from "./reconcile-loop.ts";
import { openWorkQueue } from "./work-queue.ts";
import type { QueuedKey, WorkQueue } from "./work-queue.ts";

/** One controller: a kind, how to reconcile it, and what wakes it. */
export interface ControllerOptions<T extends KubeObject> extends ReconcileRules<T> {
  /** Names it in logs, metrics and errors, such as `revision-controller`. */
  readonly name: string;
  readonly kube: KubeClient;
  /** The objects of `kind`; the caller closes it. */
  readonly informer: Informer<T>;
  /** What else wakes it. The informers in them are the caller's too. */
  readonly watches?: readonly WatchSource[];
  /** Keys reconciled at once. Default 4. */
  readonly concurrency?: number;
  /** How long one reconcile may take before its signal aborts and it counts as failed. Default 30 s. */
  readonly reconcileMsMax?: number;
  /** Default 60 s. */
  readonly retryMsMax?: number;
  readonly clock?: Clock;
  readonly recorder?: EventRecorder;
  readonly log?: Log;
  readonly metrics?: ControllerMetrics;
}

type Options = ControllerOptions<KubeObject>;

/** What all controllers of one service are given alike: spread it into their options. */
export type ControllerCommon = Required<Pick<Options, "kube" | "clock" | "recorder" | "log" | "concurrency">> &
  Pick<Options, "metrics">;

/** A running controller. */
export interface Controller {
  /** Reconciles this key soon. */
  enqueue(key: ObjectKey): void;
  enqueueAfter(key: ObjectKey, delayMs: number): void;
  /** Reconciles every object soon, as after a change of configuration. */
  resync(): void;
  /** Aborts what is under way and waits for it to end. */
  close(): Promise<void>;
}

/**
 * Starts a controller. Once its informers are synced it reconciles every object, and from then on each that changes or
 * is woken: never one key twice at a time, at most `concurrency` at once.
 *
 * A reconcile that throws is retried with backoff and tells of it in an Event; `ConflictError` is retried quietly;
 * `TerminalError` is told of and not retried until the object changes.
 */
export function openController<T extends KubeObject>(options: ControllerOptions<T>): Controller {
  const { informer, clock = systemClock, metrics = noMetrics, name, log = silentLog } = options;
  const abort = new AbortController();
  const resync = (): void => {
    for (const object of informer.list()) queue.add(keyText(keyOf(object)));
  };
  const queue: WorkQueue = openWorkQueue({
    clock,
    ...(options.retryMsMax !== undefined && { retryMsMax: options.retryMsMax }),
    onOverflow: resync,
    onDepth: (depth) => metrics.queueDepth(name, depth),
  });
  const enqueue = (key: ObjectKey): void => queue.add(keyText(key));
  const unsubscribers = [
    informer.onChange(({ before, after }) => {
      const object = after ?? before;
      if (object !== undefined) enqueue(keyOf(object));
    }),
    ...(options.watches ?? []).map((watch) => watch.subscribe(enqueue)),
  ];
  const worker: Worker<T> = { options, clock, metrics, log, queue, signal: abort.signal };
  const workers = runWorkers(worker, resync);

  return {
    enqueue,
    enqueueAfter: (key, delayMs) => queue.addAfter(keyText(key), delayMs),
    resync,
    async close() {
      for (const unsubscribe of unsubscribers) unsubscribe();
      abort.abort();
      queue.close();
      await workers;
    },
  };
}

interface Worker<T extends KubeObject> {
  options: ControllerOptions<T>;
  clock: Clock;
  metrics: ControllerMetrics;
  log: Log;
  queue: WorkQueue;
  signal: AbortSignal;
}

async function runWorkers<T extends KubeObject>(worker: Worker<T>, resync: () => void): Promise<void> {
  const { options, signal } = worker;
  const closed = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  const synced = [options.informer.synced, ...(options.watches ?? []).map((watch) => watch.synced)];
  await Promise.race([Promise.all(synced), closed]);
  if (signal.aborted) return;
  resync();
  await Promise.all(Array.from({ length: options.concurrency ?? 4 }, () => runWorker(worker)));
}

async function runWorker<T extends KubeObject>(worker: Worker<T>): Promise<void> {
  for (;;) {
    const queued = await worker.queue.next();
    if (queued === undefined) return;
    await workOn(worker, queued);
  }
}

/** Never throws: whatever goes wrong with one key must not end the worker. */
async function workOn<T extends KubeObject>(worker: Worker<T>, { key, addedMs }: QueuedKey): Promise<void> {
  const { options, clock, metrics, queue } = worker;
  const startedMs = clock.monotonicMs();
  metrics.queueWaitMs(options.name, startedMs - addedMs);
  const linked = linkSignals(worker.signal);
  const reconcileMsMax = options.reconcileMsMax ?? 30_000;
  const overtime = Promise.withResolvers<Outcome | Error>();
  let isOvertime = false;
  const cancel = clock.setTimer(() => {
    isOvertime = true;
    const error = new Error(`the reconcile took longer than ${reconcileMsMax} ms`);
    linked.abort(error);
    overtime.resolve(error);
  }, reconcileMsMax);

  const run = reconcileKey(options, options.informer, makeContext(worker, key, linked.signal)).catch(toError);
  const outcome = await Promise.race([run, overtime.promise]);
  cancel();
  const result = worker.signal.aborted ? "done" : settle(worker, key, outcome);
  metrics.reconciled(options.name, result, clock.monotonicMs() - startedMs);
  // A reconcile that ignores its signal gives up its worker but keeps its key, so that no second one joins it.
  const finished = run.then(() => {
    linked.unlink();
    queue.done(key);
  });
  if (worker.signal.aborted || !isOvertime) await finished;
}

function makeContext<T extends KubeObject>(worker: Worker<T>, key: string, signal: AbortSignal): ReconcileContext {
  const { options, clock, log } = worker;
  const { kube, recorder = silentRecorder } = options;
  return { key: parseKey(key), kube: bindSignal(kube, signal), recorder, clock, log, signal };
}

function settle<T extends KubeObject>(worker: Worker<T>, key: string, outcome: Outcome | Error): ReconcileResult {
  const { queue } = worker;
  if (!(outcome instanceof Error)) {
    queue.forget(key);
    if (outcome.requeueAfterMs === undefined) return "done";
    queue.addAfter(key, outcome.requeueAfterMs);
    return "requeued";
  }
  const isTerminal = outcome instanceof TerminalError;
  tellOfFailure(worker, key, outcome);
  if (isTerminal) queue.forget(key);
  else queue.addAfterFailure(key);
  return isTerminal ? "terminal" : "retried";
}

function tellOfFailure<T extends KubeObject>({ options, log }: Worker<T>, key: string, error: Error): void {
  const { namespace, name } = parseKey(key);
  const fields = { controller: options.name, kind: options.kind.kind, namespace, name, err: error };
  if (error instanceof ConflictError) {
    log.debug(fields, "Reconcile met a concurrent change");
    return;
  }
  log.warn(fields, "Reconcile failed");
  const object = options.informer.get(parseKey(key));
  if (object !== undefined) options.recorder?.warning(object, "InternalError", error.message);
}
