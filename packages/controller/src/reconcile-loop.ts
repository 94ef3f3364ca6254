import type { ConditionedStatus, ConditionSet, Kind, KubeObject, ObjectKey } from "@kelvin/api";
import { deepCopy, isSemanticallyEqual, keyOf, NotFoundError } from "@kelvin/kube";
import type { Clock, Informer, KubeClient } from "@kelvin/kube";
import type { EventRecorder } from "./event-recorder.ts";
import type { Log } from "./log.ts";
import { conditionsOf, keepTransitionTimes, markNewGeneration } from "./status-conditions.ts";
import { waitForEvent } from "./outcome.ts";
import type { Outcome } from "./outcome.ts";
import { statusOf, writeStatus } from "./status-writer.ts";

/** What a reconcile is given beside the object. */
export interface ReconcileContext {
  readonly key: ObjectKey;
  /** The controller's client, whose calls end with `signal`. */
  readonly kube: KubeClient;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborts when the reconcile has run too long or the controller closes. */
  readonly signal: AbortSignal;
}

/**
 * Drives one object to its spec. It gets a copy of its own, defaulted and with its conditions initialised; it may change
 * `object.status`, which the loop writes afterwards if it changed, also when it throws.
 * Level-based: it must be right after missed events, stale reads, or a crash between any two lines.
 */
export type Reconcile<T extends KubeObject> = (object: T, context: ReconcileContext) => Promise<Outcome>;

/** What the loop does with one kind. */
export interface ReconcileRules<T extends KubeObject> {
  readonly kind: Kind<T>;
  readonly reconcile: Reconcile<T>;
  /** Fills in absent fields of the copy, as the admission webhook does, for objects stored by an older version. */
  readonly default?: (object: T) => void;
  /**
   * The kind's conditions. When given, the loop initialises them, sets `status.observedGeneration`, and marks Ready
   * Unknown while a new generation has not been worked through. Absent: taken from the kind, if it has any.
   */
  readonly conditions?: ConditionSet;
  /**
   * Undoes what reconcile did outside the object's own children, before the object may go. Needs `finalizerName`. Resolves with an
   * Outcome while that is not finished: the object stays, and `finalize` is called again as the Outcome says.
   */
  readonly finalize?: (object: T, context: ReconcileContext) => Promise<Outcome | undefined>;
  /** The finalizer that the loop adds for `finalize` and removes after it, such as `routes.serving.knative.dev`. */
  readonly finalizerName?: string;
  /** Whether `reconcile` is also called for objects that are being deleted. Default false. */
  readonly reconcilesDeleting?: boolean;
  /**
   * Whether others write this status, too. Then nothing is put over what somebody wrote in between: the write ends in ConflictError,
   * and the reconcile runs again on what is there. Default false: the status is ours alone.
   */
  readonly sharesStatus?: boolean;
  /** Told that no object has this key any more: forget what is kept in memory for it. */
  readonly forget?: (key: ObjectKey) => void;
}

/** Runs one reconcile of one key: fetch from `informer`, copy, prepare, reconcile, write status. */
export async function reconcileKey<T extends KubeObject>(
  rules: ReconcileRules<T>,
  informer: Pick<Informer<T>, "get">,
  context: ReconcileContext,
): Promise<Outcome> {
  const cached = informer.get(context.key);
  if (cached === undefined) {
    rules.forget?.(context.key);
    return waitForEvent;
  }
  if (cached.metadata.deletionTimestamp !== undefined) {
    if (rules.finalize !== undefined) return finalizeObject(rules, deepCopy(cached), context);
    if (rules.reconcilesDeleting !== true) return waitForEvent;
  }
  const object = await withFinalizer(rules, deepCopy(cached), context);
  rules.default?.(object);
  const statusBefore = deepCopy(statusOf(object));
  const settleStatus = prepareStatus(rules, object, context.clock);
  try {
    return await rules.reconcile(object, context);
  } finally {
    settleStatus();
    if (!isSemanticallyEqual(statusBefore, statusOf(object))) {
      await writeStatus({ kube: context.kube, kind: rules.kind, isShared: rules.sharesStatus === true }, object);
    }
  }
}

/** Initialises the conditions; the returned function makes the status fit to be compared and written. */
function prepareStatus<T extends KubeObject>(rules: ReconcileRules<T>, object: T, clock: Clock): () => void {
  const conditions = rules.conditions ?? conditionsOf(rules.kind);
  if (conditions === undefined) return () => undefined;
  const holder = object as KubeObject & { status?: ConditionedStatus };
  const status = (holder.status ??= {});
  const before = deepCopy(status);
  const { generation } = object.metadata;
  conditions.initialize(status, clock.now());
  if (status.observedGeneration !== generation) markNewGeneration(status, conditions, clock.now());
  return () => {
    holder.status ??= {};
    if (generation !== undefined) holder.status.observedGeneration = generation;
    keepTransitionTimes(holder.status, before);
  };
}

/** Nothing outside may be made before the finalizer is stored, or a deletion in between would leave it behind. */
async function withFinalizer<T extends KubeObject>(
  { kind, finalize, finalizerName }: ReconcileRules<T>,
  object: T,
  { kube }: ReconcileContext,
): Promise<T> {
  const { finalizers = [], resourceVersion, deletionTimestamp } = object.metadata;
  if (finalize === undefined || finalizerName === undefined || deletionTimestamp !== undefined) return object;
  if (finalizers.includes(finalizerName)) return object;
  const metadata = { resourceVersion, finalizers: [...finalizers, finalizerName] };
  return kube.patch(kind, keyOf(object), { type: "merge", body: { metadata } });
}

async function finalizeObject<T extends KubeObject>(
  { kind, finalize, finalizerName }: ReconcileRules<T>,
  object: T,
  context: ReconcileContext,
): Promise<Outcome> {
  const { finalizers = [], resourceVersion } = object.metadata;
  if (finalizerName === undefined || !finalizers.includes(finalizerName)) return waitForEvent;
  const unfinished = await finalize?.(object, context);
  if (unfinished !== undefined) return unfinished;
  const metadata = { resourceVersion, finalizers: finalizers.filter((name) => name !== finalizerName) };
  try {
    await context.kube.patch(kind, keyOf(object), { type: "merge", body: { metadata } });
  } catch (error) {
    // It went between: what was read lags behind.
    if (!(error instanceof NotFoundError)) throw error;
  }
  return waitForEvent;
}
