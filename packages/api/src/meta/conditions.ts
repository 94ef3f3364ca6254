import { KeyedList, MapOf, StringEnum, Type, type Static } from "./schema.ts";

/** One observation about an object, such as `Ready`. */
export const Condition = Type.Object({
  type: Type.String({ description: "Name of the condition, such as Ready." }),
  status: StringEnum(["True", "False", "Unknown"], {
    description: "True, False, or Unknown while it is being worked on.",
  }),
  severity: Type.Optional(
    Type.String({ description: "Info when this condition does not count towards Ready; absent when it does." }),
  ),
  lastTransitionTime: Type.Optional(
    Type.String({ format: "date-time", description: "When anything else in this condition last changed." }),
  ),
  reason: Type.Optional(Type.String({ description: "One word for programs: why the condition is not True." })),
  message: Type.Optional(Type.String({ description: "A sentence for people with the details." })),
});
export type Condition = Static<typeof Condition>;

/** The part of a status that every kind of ours has; spread it into the status schema. */
export const statusProperties = {
  annotations: Type.Optional(MapOf(Type.String(), { description: "Notes of controllers, for other controllers." })),
  observedGeneration: Type.Optional(
    Type.Integer({ format: "int64", description: "The metadata.generation that this status speaks of." }),
  ),
  conditions: Type.Optional(
    KeyedList(Condition, "type", {
      description: "The latest observations about this object, sorted by type. Ready sums them up.",
    }),
  ),
} as const;

/** The least a status must have to carry conditions. */
export interface ConditionedStatus {
  observedGeneration?: number;
  conditions?: Condition[];
}

/** What to say of one condition. */
export interface Mark {
  readonly type: string;
  readonly reason?: string;
  readonly message?: string;
}

/**
 * The conditions of one kind: a happy one (`Ready`), those it depends on, and any others, which are informational.
 * All functions change `status` in place, keep the list sorted by type and leave `lastTransitionTime` alone unless
 * something else in that condition changed. `now` is the time of the change.
 */
export interface ConditionSet {
  readonly happy: string;
  readonly dependents: readonly string[];
  /** Adds what is absent: `Unknown`, or `True` for dependents that are new since the object became ready. */
  initialize(status: ConditionedStatus, now: Date): void;
  /** Sets it True, then works out the happy condition again. Marking the happy condition itself does not make it follow others. */
  markTrue(status: ConditionedStatus, mark: Mark, now: Date): void;
  /** Sets it Unknown. The happy condition follows, unless a dependent is False: then that stays so. */
  markUnknown(status: ConditionedStatus, mark: Mark, now: Date): void;
  /** Sets it False and, for a dependent, the happy condition with it. */
  markFalse(status: ConditionedStatus, mark: Mark, now: Date): void;
}

/** Makes the condition set with happy condition `Ready`. */
export function conditionSet(dependents: readonly string[]): ConditionSet {
  return livingSet({ happy: readyCondition, dependents });
}

/** Makes the condition set of something that ends, with happy condition `Succeeded`. */
export function batchConditionSet(dependents: readonly string[]): ConditionSet {
  return livingSet({ happy: "Succeeded", dependents });
}

/** The name of the condition that sums up the others. */
export const readyCondition = "Ready";

/** Reason of `Ready` while a new generation has been seen but not yet worked through. */
export const reasonNewObservedGenFailure = "NewObservedGenFailure";

/** The condition of that type, or undefined when it was never set. */
export function getCondition(status: ConditionedStatus | undefined, type: string): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

/** Whether the condition is there and True. */
export function isConditionTrue(status: ConditionedStatus | undefined, type: string): boolean {
  return getCondition(status, type)?.status === "True";
}

/** Whether the condition is there and False. */
export function isConditionFalse(status: ConditionedStatus | undefined, type: string): boolean {
  return getCondition(status, type)?.status === "False";
}

/** An object with a status, as far as readiness goes. */
export interface Conditioned {
  metadata: { generation?: number };
  status?: ConditionedStatus;
}

/** Whether the object's current generation has been observed and found ready. */
export function isReady(object: Conditioned): boolean {
  return isObserved(object) && isConditionTrue(object.status, readyCondition);
}

/** Whether the object's current generation has been observed and found to have failed. */
export function isFailed(object: Conditioned): boolean {
  return isObserved(object) && isConditionFalse(object.status, readyCondition);
}

/** Whether its controller has seen the object's current generation. */
export function isObserved(object: Conditioned): boolean {
  return (object.metadata.generation ?? 0) === (object.status?.observedGeneration ?? 0);
}

/** Sets the condition's fields. `severity` is the set's business; a mark that changes nothing keeps its transition time. */
export function setCondition(status: ConditionedStatus, condition: Condition, now: Date): void {
  const existing = getCondition(status, condition.type);
  if (existing !== undefined && isSameCondition(existing, condition)) return;
  const others = (status.conditions ?? []).filter(({ type }) => type !== condition.type);
  const changed = { ...withoutEmptyFields(condition), lastTransitionTime: kubeTime(now) };
  status.conditions = [...others, changed].toSorted((a, b) => compareText(a.type, b.type));
}

/** Forgets a condition; nothing else changes. */
export function clearCondition(status: ConditionedStatus, type: string): void {
  if (getCondition(status, type) === undefined) return;
  status.conditions = (status.conditions ?? []).filter((condition) => condition.type !== type);
}

/**
 * Gives conditions that ended a reconcile as they began it their old transition time, though they went through
 * something else on the way. Call it once before the status is compared and written.
 */
export function keepTransitionTimes(status: ConditionedStatus, before: ConditionedStatus | undefined): void {
  for (const condition of status.conditions ?? []) {
    const old = getCondition(before, condition.type);
    if (old?.lastTransitionTime === undefined || !isSameCondition(old, condition)) continue;
    condition.lastTransitionTime = old.lastTransitionTime;
  }
}

/** Says that a new generation is being worked on; stands only if the reconcile then fails early. */
export function markNewObservedGenFailure(status: ConditionedStatus, set: ConditionSet, now: Date): void {
  const message = "unsuccessfully observed a new generation";
  set.markUnknown(status, { type: set.happy, reason: reasonNewObservedGenFailure, message }, now);
}

/** A time as Kubernetes writes it: RFC 3339 in UTC, to the second. */
export function kubeTime(now: Date): string {
  return `${now.toISOString().slice(0, 19)}Z`;
}

interface Members {
  readonly happy: string;
  readonly dependents: readonly string[];
}

function livingSet(set: Members): ConditionSet {
  return {
    ...set,
    initialize: (status, now) => initialize(set, status, now),
    markTrue(status, mark, now) {
      setCondition(status, toCondition(set, mark, "True"), now);
      recomputeHappiness({ set, status, marked: mark.type }, now);
    },
    markUnknown(status, mark, now) {
      markUnknown(set, status, { ...mark, now });
    },
    markFalse(status, mark, now) {
      markWithHappy(set, status, { ...mark, status: "False", now });
    },
  };
}

function initialize(set: Members, status: ConditionedStatus, now: Date): void {
  const happy = getCondition(status, set.happy);
  if (happy === undefined) setCondition(status, { type: set.happy, status: "Unknown" }, now);
  // Ready implies that every dependent held, so one that this version adds starts as True.
  const initial = happy?.status === "True" ? "True" : "Unknown";
  for (const type of set.dependents) {
    if (getCondition(status, type) === undefined) setCondition(status, { type, status: initial }, now);
  }
}

function markUnknown(set: Members, status: ConditionedStatus, mark: Mark & { now: Date }): void {
  setCondition(status, toCondition(set, mark, "Unknown"), mark.now);
  if (set.dependents.some((type) => isConditionFalse(status, type))) {
    if (isConditionFalse(status, set.happy)) return;
    setCondition(status, toCondition(set, { ...mark, type: set.happy }, "False"), mark.now);
    return;
  }
  if (!set.dependents.includes(mark.type)) return;
  setCondition(status, toCondition(set, { ...mark, type: set.happy }, "Unknown"), mark.now);
}

function markWithHappy(
  set: Members,
  status: ConditionedStatus,
  mark: Mark & { status: Condition["status"]; now: Date },
): void {
  setCondition(status, toCondition(set, mark, mark.status), mark.now);
  if (!set.dependents.includes(mark.type)) return;
  setCondition(status, toCondition(set, { ...mark, type: set.happy }, mark.status), mark.now);
}

function recomputeHappiness(change: { set: Members; status: ConditionedStatus; marked: string }, now: Date): void {
  const { set, status, marked } = change;
  const unhappy = findUnhappyDependent(set, status);
  if (unhappy !== undefined) {
    setCondition(status, toCondition(set, { ...unhappy, type: set.happy }, unhappy.status), now);
  } else if (marked !== set.happy) {
    setCondition(status, { type: set.happy, status: "True" }, now);
  }
}

// The newest False dependent, else the newest Unknown one, else "Unknown" when one was never set.
function findUnhappyDependent(
  set: Members,
  status: ConditionedStatus,
): Pick<Condition, "status" | "reason" | "message"> | undefined {
  const present = (status.conditions ?? [])
    .filter(({ type }) => set.dependents.includes(type))
    .toSorted((a, b) => Date.parse(b.lastTransitionTime ?? "") - Date.parse(a.lastTransitionTime ?? "") || 0);
  const unhappy =
    present.find((condition) => condition.status === "False") ??
    present.find((condition) => condition.status === "Unknown");
  if (unhappy !== undefined) return unhappy;
  return present.length < set.dependents.length ? { status: "Unknown" } : undefined;
}

function toCondition(set: Members, mark: Mark, status: Condition["status"]): Condition {
  const isTerminal = mark.type === set.happy || set.dependents.includes(mark.type);
  return withoutEmptyFields({
    type: mark.type,
    status,
    severity: isTerminal ? "" : "Info",
    reason: mark.reason ?? "",
    message: mark.message ?? "",
  });
}

// Go leaves empty strings out, and clients compare.
function withoutEmptyFields({ type, status, ...rest }: Condition): Condition {
  const filled = Object.entries(rest).filter(([, value]) => value !== undefined && value !== "");
  return { type, status, ...Object.fromEntries(filled) };
}

function isSameCondition(a: Condition, b: Condition): boolean {
  return (["type", "status", "severity", "reason", "message"] as const).every(
    (key) => (a[key] ?? "") === (b[key] ?? ""),
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
