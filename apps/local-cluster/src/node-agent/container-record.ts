import type { Pod } from "@kelvin/kube";

export type RestartPolicy = NonNullable<NonNullable<Pod["spec"]>["restartPolicy"]>;

/** How one run of a container ended. */
export interface Termination {
  readonly id: string;
  readonly exitCode: number;
  readonly signal?: number;
  readonly reason: string;
  readonly message?: string;
  readonly startedAt: string;
  readonly finishedAt: string;
}

/** What a container is doing now; status is made from it. */
export type ContainerState =
  | {
      readonly phase: "waiting";
      readonly reason: string;
      readonly message?: string;
      /** When it failed to start, and when it is tried again, on the monotonic clock. */
      readonly failedAtMs?: number;
      readonly retryAtMs?: number;
    }
  | {
      readonly phase: "running";
      readonly id: string;
      readonly startedAt: string;
      readonly startedMs: number;
      readonly isStarted: boolean;
      readonly isReady: boolean;
    }
  | { readonly phase: "terminated"; readonly termination: Termination };

/** One container of a Pod across its restarts. Never changed in place. */
export interface ContainerRecord {
  readonly name: string;
  readonly state: ContainerState;
  readonly last?: Termination;
  readonly restartCount: number;
  /** What the image of the last run is known by. */
  readonly imageId?: string;
  /** The pause after the next end of a run; 0 before the first. */
  readonly backoffMs: number;
  /** How often in a row it could not even be started. */
  readonly failureCount: number;
  /** Before this instant the container is not started again. */
  readonly restartAtMs: number;
}

export type ContainerDecision =
  | { readonly do: "start" }
  | { readonly do: "wait"; readonly delayMs: number }
  | { readonly do: "nothing" };

const BACKOFF_INITIAL_MS = 10_000;
const BACKOFF_MAX_MS = 300_000;
/** What is missing, such as a ConfigMap, is often only late. */
const RETRY_INITIAL_MS = 250;
const RETRY_MAX_MS = 20_000;
/** A container that ran this long has earned an immediate restart again. */
const BACKOFF_RESET_AFTER_MS = 600_000;

/** A container that has not been started yet. */
export function newContainerRecord(name: string): ContainerRecord {
  const state = { phase: "waiting", reason: "ContainerCreating" } as const;
  return { name, state, restartCount: 0, backoffMs: 0, failureCount: 0, restartAtMs: 0 };
}

/** What to do with a container of a Pod that is to run. Times are on the monotonic clock. */
export function decideContainer(record: ContainerRecord, policy: RestartPolicy, nowMs: number): ContainerDecision {
  const { state } = record;
  if (state.phase === "running") return { do: "nothing" };
  if (state.phase === "terminated" && !mayRestart(state.termination, policy)) return { do: "nothing" };
  const startAtMs = state.phase === "waiting" ? (state.retryAtMs ?? record.restartAtMs) : record.restartAtMs;
  return startAtMs > nowMs ? { do: "wait", delayMs: startAtMs - nowMs } : { do: "start" };
}

/** Whether a container that ended so is started again. */
export function mayRestart(termination: Termination, policy: RestartPolicy): boolean {
  return policy === "Always" || (policy === "OnFailure" && termination.exitCode !== 0);
}

/** The record after a run that ended. The first restart is immediate, then 10 s, 20 s … 5 min, like the kubelet. */
export function recordExit(record: ContainerRecord, termination: Termination, nowMs: number): ContainerRecord {
  const ranMs = record.state.phase === "running" ? nowMs - record.state.startedMs : 0;
  const pauseMs = ranMs >= BACKOFF_RESET_AFTER_MS ? 0 : record.backoffMs;
  return {
    ...record,
    state: { phase: "terminated", termination },
    last: termination,
    backoffMs: pauseMs === 0 ? BACKOFF_INITIAL_MS : Math.min(pauseMs * 2, BACKOFF_MAX_MS),
    restartAtMs: nowMs + pauseMs,
  };
}

/** The record of a container that waits out its back-off. `podText` is the Pod as the kubelet writes it. */
export function recordBackoff(record: ContainerRecord, delayMs: number, podText: string): ContainerRecord {
  if (record.state.phase !== "terminated") return record;
  const message = `back-off ${formatDelay(delayMs)} restarting failed container=${record.name} pod=${podText}`;
  return { ...record, state: { phase: "waiting", reason: "CrashLoopBackOff", message } };
}

/** The record of a container that could not be started; tried again with growing pauses. */
export function recordFailure(record: ContainerRecord, failure: StartFailure, nowMs: number): ContainerRecord {
  const isPull = isPullFailure(failure.reason);
  const [initialMs, maxMs] = isPull ? [BACKOFF_INITIAL_MS, BACKOFF_MAX_MS] : [RETRY_INITIAL_MS, RETRY_MAX_MS];
  const pauseMs = record.failureCount === 0 ? initialMs : Math.min(initialMs * 2 ** record.failureCount, maxMs);
  const { reason, message, isVolume } = failure;
  const shown = isVolume === true ? { reason } : { reason, message };
  const state = { phase: "waiting", ...shown, failedAtMs: nowMs, retryAtMs: nowMs + pauseMs } as const;
  return { ...record, state, failureCount: record.failureCount + 1 };
}

/** Whether a registry was asked, which is not to be asked often. */
export function isPullFailure(reason: string): boolean {
  return reason === "ErrImagePull" || reason === "InvalidImageName" || reason === "ErrImageNeverPull";
}

/** Why a container could not be started, as its waiting state says. */
export interface StartFailure {
  readonly reason: string;
  readonly message: string;
  /** A volume is missing: an event tells, not the state. */
  readonly isVolume?: boolean;
}

/** The record of a container that has just been spawned. */
export function recordStart(
  record: ContainerRecord,
  { imageId, ...run }: { id: string; imageId?: string; startedAt: string; startedMs: number },
): ContainerRecord {
  const isRestart = record.last !== undefined;
  return {
    ...record,
    state: { phase: "running", ...run, isStarted: false, isReady: false },
    restartCount: isRestart ? record.restartCount + 1 : record.restartCount,
    failureCount: 0,
    ...(imageId !== undefined && { imageId }),
  };
}

/** The record after its probes said something. */
export function recordProbe(
  record: ContainerRecord,
  found: { isStarted?: boolean; isReady?: boolean },
): ContainerRecord {
  if (record.state.phase !== "running") return record;
  return { ...record, state: { ...record.state, ...found } };
}

/** As the kubelet prints durations: 10s, 1m20s. */
function formatDelay(delayMs: number): string {
  const seconds = Math.ceil(delayMs / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
