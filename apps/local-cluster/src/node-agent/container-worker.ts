import { randomBytes } from "node:crypto";
import type { Clock } from "@kelvin/kube";
import { type ContainerLog, openContainerLog } from "./container-log.ts";
import {
  type ContainerRecord,
  newContainerRecord,
  recordExit,
  recordProbe,
  recordStart,
  type Termination,
} from "./container-record.ts";
import { type ContainerRun, makeContainerRun, type RunPlan, stopRun, targetOf } from "./container-run.ts";
import { runHook } from "./lifecycle-hook.ts";
import {
  type ContainerExit,
  type ContainerProcess,
  launchContainer,
  startErrorExitCode,
  type WaitingLaunch,
} from "./launch.ts";
import { readLastLines } from "./log-reader.ts";
import type { HeldRun } from "./running-pods.ts";
import type { ProbeTarget } from "./probe-check.ts";
import { type ProbeFindings, runProbes } from "./prober.ts";
import { terminationMessageOf } from "./termination-message.ts";
import type { WatchedApp } from "./runtime/runtime.ts";
import { timestampOf } from "./timestamp.ts";

const LAST_WORDS_BYTES_MAX = 2_048;

/** What a run leaves with its runtime is put away when what follows it has begun: to begin needs the processor more. */
const CLEAR_DELAY_MS = 500;

/** The kubelet waits without end; ours ends some day even if the hook's server never answers. */
const POST_START_TIMEOUT_MS = 3_600_000;

export interface ContainerWorkerOptions {
  name: string;
  record?: ContainerRecord;
  /** Runs by container, where what outlives us is kept: one of ours that goes on is taken over. */
  runs: Map<string, HeldRun>;
  clock: Clock;
  /** The record changed: status is due. */
  onChange: () => void;
  /** For the Pod's events. */
  report: (event: ContainerEvent) => void;
  reportError: (message: string, error: unknown) => void;
}

export interface ContainerEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
  /** The container it is about, where it is about one. */
  readonly container?: string;
}

export interface ContainerWorker {
  readonly record: ContainerRecord;
  readonly log: ContainerLog | undefined;
  readonly process: ContainerProcess | undefined;
  /** Where further commands are run, as long as the container runs. */
  readonly target: ProbeTarget | undefined;
  /** Its postStart hook has not come back yet: what is started after it waits. */
  readonly isInPostStart: boolean;
  /** Replaces the record by a decision of the Pod's: back-off, failure to prepare. */
  settle(record: ContainerRecord): void;
  /** Puts away what the last run has left with its runtime. To be called before anything is made for the next one. */
  clear(): Promise<void>;
  /** Spawns a run, or lets that begin which waits. @throws Error when no process could be made. */
  start(plan: RunPlan, waiting?: WaitingLaunch): Promise<void>;
  /** Hook, SIGTERM, and SIGKILL after `graceMs`. Asked again with less, it hurries. Resolves when nothing is left. */
  stop(graceMs: number): Promise<void>;
  /** Lets go of the run, which goes on: probes, hooks and what was planned for it end. */
  detach(): void;
}

/** Where a worker stands. */
interface Standing {
  readonly options: ContainerWorkerOptions;
  record: ContainerRecord;
  log: ContainerLog | undefined;
  run: ContainerRun | undefined;
  isInPostStart: boolean;
  clear: () => Promise<void>;
}

/** Drives one container of a Pod through its runs. */
export function openContainerWorker(options: ContainerWorkerOptions): ContainerWorker {
  const { name, record = newContainerRecord(name) } = options;
  const clear = (): Promise<void> => Promise.resolve();
  const standing: Standing = { options, record, log: undefined, run: undefined, isInPostStart: false, clear };
  takeOver(standing);
  return {
    get record() {
      return standing.record;
    },
    get log() {
      return standing.log;
    },
    get process() {
      return standing.run?.process;
    },
    get target() {
      return standing.run === undefined ? undefined : targetOf(standing.run);
    },
    get isInPostStart() {
      return standing.isInPostStart;
    },
    settle: (next) => settle(standing, next),
    clear: () => standing.clear(),
    start: (plan, waiting) => start(standing, plan, waiting),
    stop: (graceMs) => stop(standing, graceMs),
    detach() {
      standing.run?.over.abort();
      standing.run?.cancelKill();
    },
  };
}

function settle(standing: Standing, next: ContainerRecord): void {
  if (next === standing.record) return;
  standing.record = next;
  standing.options.onChange();
}

async function start(standing: Standing, plan: RunPlan, waiting: WaitingLaunch | undefined): Promise<void> {
  const { clock, reportError } = standing.options;
  const id = randomBytes(32).toString("hex");
  const log = openContainerLog({ file: plan.logFile, clock, reportError });
  standing.log = log;
  const process = waiting === undefined ? await launchContainer(plan, { id, log }) : waiting.begin({ id, log });
  const startedAt = timestampOf(clock);
  const startedMs = clock.monotonicMs();
  settle(standing, recordStart(standing.record, { id, imageId: plan.imageId, startedAt, startedMs }));
  const { restartCount } = standing.record;
  const held: HeldRun = { id, restartCount, startedAt, startedMs, plan, process, log, finishedAt: undefined };
  standing.options.runs.set(standing.record.name, held);
  process.exited.then(
    () => {
      held.finishedAt = timestampOf(clock);
    },
    // Whoever waits for its end hears of it.
    () => undefined,
  );
  follow(standing, held, { isNew: true });
}

/** Goes on with a run that an earlier agent has started, and whose end nobody has told yet. */
function takeOver(standing: Standing): void {
  const { record, options } = standing;
  const held = options.runs.get(record.name);
  standing.log = held?.log;
  if (held === undefined || record.state.phase !== "running" || record.state.id !== held.id) return;
  follow(standing, held, { isNew: false });
}

function follow(standing: Standing, held: HeldRun, { isNew }: { isNew: boolean }): void {
  const { plan, process } = held;
  const { clock } = standing.options;
  const run = makeContainerRun(process, plan);
  standing.run = run;
  standing.isInPostStart = isNew && plan.container.lifecycle?.postStart !== undefined;
  const probing = watchRun(standing, run);
  run.ended = process.exited.then(async (exit) => {
    run.over.abort();
    await probing;
    standing.run = undefined;
    const termination = makeTermination(standing, held, exit);
    const { watched } = plan.launch;
    if (watched !== undefined) clearSoon(standing, watched);
    settle(standing, recordExit(standing.record, termination, clock.monotonicMs()));
    if (run.stopping !== undefined) await standing.clear();
  });
}

function clearSoon(standing: Standing, watched: WatchedApp): void {
  let released: Promise<void> | undefined;
  const clear = (): Promise<void> => {
    cancel();
    released ??= watched.release();
    return released;
  };
  const cancel = standing.options.clock.setTimer(() => {
    clear().catch((error: unknown) => {
      standing.options.reportError("Failed to put away what a container has left", error);
    });
  }, CLEAR_DELAY_MS);
  standing.clear = clear;
}

/** The postStart hook beside the app's own start, and when it has done its work the probes. */
async function watchRun(standing: Standing, run: ContainerRun): Promise<void> {
  const { clock } = standing.options;
  const { signal } = run.over;
  const target = targetOf(run);
  const hook = run.plan.container.lifecycle?.postStart;
  if (hook !== undefined && standing.isInPostStart) {
    const failure = await runHook(hook, target, { clock, timeoutMs: POST_START_TIMEOUT_MS, signal });
    standing.isInPostStart = false;
    standing.options.onChange();
    if (signal.aborted) return;
    if (failure !== undefined) return endUnstarted(standing, run, failure);
  }
  const { state } = standing.record;
  const known = state.phase === "running" ? state : { isStarted: false, isReady: false };
  await runProbes({ target, clock, known, findings: makeFindings(standing, run), signal });
}

function endUnstarted(standing: Standing, run: ContainerRun, failure: string): void {
  const { report, reportError } = standing.options;
  report({ type: "Warning", reason: "FailedPostStartHook", message: `PostStartHook failed: ${failure}` });
  report({ type: "Normal", reason: "Killing", message: "FailedPostStartHook" });
  stop(standing, run.plan.graceMs).catch((error: unknown) => {
    reportError("Failed to stop a container whose postStart hook failed", error);
  });
}

function makeFindings(standing: Standing, run: ContainerRun): ProbeFindings {
  const { name, report, reportError } = standing.options;
  return {
    onStarted: () => settle(standing, recordProbe(standing.record, { isStarted: true })),
    onReady: (isReady) => settle(standing, recordProbe(standing.record, { isReady })),
    onFailure: (kind, message) => {
      report({ type: "Warning", reason: "Unhealthy", message: `${kind} probe failed: ${message}` });
    },
    onUnhealthy: (kind) => {
      if (run.stopping !== undefined) return;
      const message = `Container ${name} failed ${kind.toLowerCase()} probe, will be restarted`;
      report({ type: "Normal", reason: "Killing", message });
      stop(standing, graceOf(run.plan, kind)).catch((error: unknown) => {
        reportError("Failed to stop an unhealthy container", error);
      });
    },
  };
}

function graceOf({ container, graceMs }: RunPlan, kind: "Startup" | "Liveness"): number {
  const probe = kind === "Startup" ? container.startupProbe : container.livenessProbe;
  const seconds = probe?.terminationGracePeriodSeconds;
  return seconds === undefined ? graceMs : seconds * 1000;
}

async function stop({ run, options }: Standing, graceMs: number): Promise<void> {
  if (run === undefined) return;
  const reportHookFailure = (message: string): void => {
    options.report({ type: "Warning", reason: "FailedPreStopHook", message: `PreStopHook failed: ${message}` });
  };
  await stopRun(run, { clock: options.clock, graceMs, reportHookFailure });
}

function makeTermination({ options }: Standing, held: HeldRun, exit: ContainerExit): Termination {
  const { id, plan, startedAt } = held;
  const lastWords = exit.exitCode === 0 ? "" : readLastLines(plan.logFile, 1, LAST_WORDS_BYTES_MAX);
  const isOverMemory = exit.exitCode !== 0 && plan.cgroup?.wasOutOfMemory() === true;
  const reason = isOverMemory ? "OOMKilled" : reasonOf(exit.exitCode, lastWords);
  plan.cgroup?.remove();
  const hasFailed = exit.exitCode !== 0;
  // What the launcher says of a start that failed is in the log alone.
  const fallsBack =
    plan.container.terminationMessagePolicy === "FallbackToLogsOnError" ||
    reason === "StartError" ||
    reason === "ContainerCannotRun";
  const message = terminationMessageOf(plan, { usesLog: hasFailed && fallsBack });
  const finishedAt = held.finishedAt ?? timestampOf(options.clock);
  return { id, ...exit, reason, ...(message !== undefined && { message }), startedAt, finishedAt };
}

/** What becomes the app says `kelvin: …`, or its own name, when it cannot; an app's own 126 or 127 means something else. */
function reasonOf(exitCode: number, lastWords: string): string {
  if (exitCode === 0) return "Completed";
  if (exitCode === startErrorExitCode) return "StartError";
  const isLauncher = /^(?:kelvin|nsenter|setpriv): /.test(lastWords);
  return isLauncher && (exitCode === 126 || exitCode === 127) ? "ContainerCannotRun" : "Error";
}
