import { randomBytes } from "node:crypto";
import type { Clock } from "@kelvin/kube";
import type { PodNetwork } from "../network/network.ts";
import type { ContainerSpec } from "./container-env.ts";
import { type ContainerLog, openContainerLog } from "./container-log.ts";
import {
  type ContainerRecord,
  newContainerRecord,
  recordExit,
  recordProbe,
  recordStart,
  type Termination,
} from "./container-record.ts";
import { type ContainerExit, type ContainerProcess, launchContainer, startErrorExitCode } from "./launch.ts";
import { runHook } from "./lifecycle-hook.ts";
import { readLastLines } from "./log-reader.ts";
import type { ProbeTarget } from "./probe-check.ts";
import { runProbes } from "./prober.ts";
import { timestampOf } from "./timestamp.ts";

/** Time beyond the grace period for a container whose preStop hook used all of it, as the kubelet gives. */
const MINIMUM_GRACE_MS = 2_000;
const FALLBACK_LINES = 80;
const FALLBACK_BYTES = 2_048;

/** One run of a container, ready to be spawned. */
export interface RunPlan {
  readonly container: ContainerSpec;
  readonly command: readonly string[];
  readonly signalsGroup: boolean;
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
  readonly mountScript: string;
  readonly network: PodNetwork;
  readonly logFile: string;
}

export interface ContainerWorkerOptions {
  name: string;
  record?: ContainerRecord;
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
}

export interface ContainerWorker {
  readonly record: ContainerRecord;
  /** Replaces the record by a decision of the Pod's: back-off, failure to prepare. */
  settle(record: ContainerRecord): void;
  readonly log: ContainerLog | undefined;
  readonly process: ContainerProcess | undefined;
  /** Spawns a run. @throws Error when no process could be made. */
  start(plan: RunPlan): Promise<void>;
  /** Hook, SIGTERM, and SIGKILL after `graceMs`. Asked again with less, it hurries. Resolves when nothing is left. */
  stop(graceMs: number): Promise<void>;
}

/** Drives one container of a Pod through its runs. */
export function openContainerWorker(options: ContainerWorkerOptions): ContainerWorker {
  const { name, clock, onChange } = options;
  let record = options.record ?? newContainerRecord(name);
  let run: Run | undefined;
  let log: ContainerLog | undefined;

  function update(next: ContainerRecord): void {
    if (next === record) return;
    record = next;
    onChange();
  }

  async function start(plan: RunPlan): Promise<void> {
    const id = randomBytes(32).toString("hex");
    const runLog = openContainerLog({ file: plan.logFile, clock, reportError: options.reportError });
    log = runLog;
    const process = await launchContainer({ ...plan, id, log: runLog });
    const current = makeRun(process, plan);
    run = current;
    update(recordStart(record, { id, startedAt: timestampOf(clock), startedMs: clock.monotonicMs() }));
    current.probing = probe(current);
    current.ended = process.exited.then(async (exit) => {
      current.abort.abort();
      await current.probing;
      run = undefined;
      update(recordExit(record, makeTermination({ record, plan, clock }, exit), clock.monotonicMs()));
    });
  }

  function probe({ plan, process, abort }: Run): Promise<void> {
    const findings = {
      onStarted: () => update(recordProbe(record, { isStarted: true })),
      onReady: (isReady: boolean) => update(recordProbe(record, { isReady })),
      onFailure: (kind: string, message: string) => {
        options.report({ type: "Warning", reason: "Unhealthy", message: `${kind} probe failed: ${message}` });
      },
      onUnhealthy: (kind: "Startup" | "Liveness") => {
        if (run === undefined || run.isStopping) return;
        const message = `Container ${name} failed ${kind.toLowerCase()} probe, will be restarted`;
        options.report({ type: "Normal", reason: "Killing", message });
        stop(graceOf(plan, kind)).catch((error: unknown) => {
          options.reportError("Failed to stop an unhealthy container", error);
        });
      },
    };
    return runProbes({ target: targetOf(plan, process), clock, findings, signal: abort.signal });
  }

  async function stop(graceMs: number): Promise<void> {
    const current = run;
    if (current === undefined) return;
    hasten(current, clock.monotonicMs() + graceMs, clock);
    current.stopping ??= stopRun(current, graceMs);
    await current.stopping;
  }

  async function stopRun(current: Run, graceMs: number): Promise<void> {
    current.isStopping = true;
    const { plan, process, abort } = current;
    const hook = plan.container.lifecycle?.preStop;
    if (hook !== undefined && graceMs > 0) {
      const limits = { clock, timeoutMs: graceMs, signal: AbortSignal.any([abort.signal, current.hurry.signal]) };
      const failure = await runHook(hook, targetOf(plan, process), limits);
      if (failure !== undefined) {
        const message = `PreStopHook failed: ${failure}`;
        options.report({ type: "Warning", reason: "FailedPreStopHook", message });
      }
      if (clock.monotonicMs() + MINIMUM_GRACE_MS > current.deadlineMs && !current.hurry.signal.aborted) {
        current.deadlineMs = Infinity;
        hasten(current, clock.monotonicMs() + MINIMUM_GRACE_MS, clock);
      }
    }
    if (!abort.signal.aborted) process.terminate();
    await current.ended;
    current.cancelKill();
  }

  return {
    get record() {
      return record;
    },
    get log() {
      return log;
    },
    get process() {
      return run?.process;
    },
    settle: update,
    start,
    stop,
  };
}

/** One spawned run, as long as it lives. */
interface Run {
  readonly plan: RunPlan;
  readonly process: ContainerProcess;
  /** Aborts when the run has ended: probes and hooks stop. */
  readonly abort: AbortController;
  /** Aborts when a stop became a kill: hooks stop. */
  readonly hurry: AbortController;
  probing: Promise<void>;
  ended: Promise<void>;
  stopping: Promise<void> | undefined;
  isStopping: boolean;
  deadlineMs: number;
  cancelKill: () => void;
}

function makeRun(process: ContainerProcess, plan: RunPlan): Run {
  return {
    plan,
    process,
    abort: new AbortController(),
    hurry: new AbortController(),
    probing: Promise.resolve(),
    ended: Promise.resolve(),
    stopping: undefined,
    isStopping: false,
    deadlineMs: Infinity,
    cancelKill: () => undefined,
  };
}

/** Moves the kill forward; never back. */
function hasten(run: Run, deadlineMs: number, clock: Clock): void {
  if (deadlineMs >= run.deadlineMs) return;
  run.deadlineMs = deadlineMs;
  run.cancelKill();
  run.cancelKill = clock.setTimer(
    () => {
      if (run.deadlineMs <= clock.monotonicMs() && run.stopping !== undefined) run.hurry.abort();
      run.process.kill();
    },
    Math.max(0, deadlineMs - clock.monotonicMs()),
  );
}

function graceOf({ container }: RunPlan, kind: "Startup" | "Liveness"): number {
  const probe = kind === "Startup" ? container.startupProbe : container.livenessProbe;
  return (probe?.terminationGracePeriodSeconds ?? 30) * 1000;
}

function targetOf(plan: RunPlan, process: ContainerProcess): ProbeTarget {
  const { container, env, directory, network } = plan;
  return { podIp: network.address, container, env, directory, enter: () => process.enter() };
}

interface Ending {
  record: ContainerRecord;
  plan: RunPlan;
  clock: Clock;
}

function makeTermination({ record, plan, clock }: Ending, exit: ContainerExit): Termination {
  const running = record.state.phase === "running" ? record.state : undefined;
  const { exitCode } = exit;
  const reason = exitCode === 0 ? "Completed" : exitCode === startErrorExitCode ? "StartError" : "Error";
  const usesLog = plan.container.terminationMessagePolicy === "FallbackToLogsOnError" || reason === "StartError";
  const message = exitCode !== 0 && usesLog ? readLastLines(plan.logFile, FALLBACK_LINES, FALLBACK_BYTES) : "";
  return {
    id: running?.id ?? "",
    ...exit,
    reason,
    ...(message !== "" && { message }),
    startedAt: running?.startedAt ?? timestampOf(clock),
    finishedAt: timestampOf(clock),
  };
}
