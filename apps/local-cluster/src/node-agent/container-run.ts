import type { Clock } from "@kelvin/kube";
import type { PodNetwork } from "../network/network.ts";
import type { ContainerSpec } from "./container-env.ts";
import type { ContainerProcess } from "./launch.ts";
import type { LaunchPlan } from "./runtime/runtime.ts";
import type { Cgroup } from "./runtime/cgroups.ts";
import type { ChosenRuntime } from "./runtime/choose-runtime.ts";
import { runHook } from "./lifecycle-hook.ts";
import type { OutputPipes } from "./output-pipes.ts";
import type { ProbeTarget } from "./probe-check.ts";

/** Time beyond the grace period for a container whose preStop hook used all of it, as the kubelet gives. */
const MINIMUM_GRACE_MS = 2_000;

/** One run of a container, ready to be spawned. */
export interface RunPlan {
  readonly container: ContainerSpec;
  readonly command: readonly string[];
  readonly signalsGroup: boolean;
  readonly launch: LaunchPlan;
  /** Its runtime, and why not another; what its image is known by, and how that came here. For status and events. */
  readonly runtime: ChosenRuntime;
  readonly imageId: string;
  /** What limits it; undefined where nothing does. */
  readonly cgroup: Cgroup | undefined;
  readonly pulled: string | undefined;
  readonly network: PodNetwork;
  readonly outputPipes: OutputPipes;
  readonly logFile: string;
  /** What the container sees as its terminationMessagePath. */
  readonly terminationFile: string;
  /** The Pod's grace period, for stops that nobody asked for. */
  readonly graceMs: number;
}

/** One spawned run, as long as it lives. Stopping it changes it in place. */
export interface ContainerRun {
  readonly plan: RunPlan;
  readonly process: ContainerProcess;
  /** Aborts when the run has ended: probes and hooks stop. */
  readonly over: AbortController;
  /** Aborts when the time for a stop is up: hooks stop. */
  readonly hurry: AbortController;
  /** Resolves when the run has ended and its record says so. */
  ended: Promise<void>;
  stopping: Promise<void> | undefined;
  killAtMs: number;
  cancelKill: () => void;
}

export function makeContainerRun(process: ContainerProcess, plan: RunPlan): ContainerRun {
  return {
    plan,
    process,
    over: new AbortController(),
    hurry: new AbortController(),
    ended: Promise.resolve(),
    stopping: undefined,
    killAtMs: Infinity,
    cancelKill: () => undefined,
  };
}

export interface StopOptions {
  readonly clock: Clock;
  readonly graceMs: number;
  readonly reportHookFailure: (message: string) => void;
}

/** preStop hook, SIGTERM and, when the time is up, SIGKILL. Asked again with less time, it hurries. Resolves at the end. */
export async function stopRun(run: ContainerRun, options: StopOptions): Promise<void> {
  killBy(run, options.clock.monotonicMs() + options.graceMs, options.clock);
  run.stopping ??= stopInOrder(run, options);
  await run.stopping;
}

async function stopInOrder(run: ContainerRun, { clock, graceMs, reportHookFailure }: StopOptions): Promise<void> {
  const hook = run.plan.container.lifecycle?.preStop;
  if (hook !== undefined && graceMs > 0) {
    const signal = AbortSignal.any([run.over.signal, run.hurry.signal]);
    const failure = await runHook(hook, targetOf(run), { clock, timeoutMs: graceMs, signal });
    if (failure !== undefined) reportHookFailure(failure);
    grantMinimum(run, clock);
  }
  if (!run.over.signal.aborted) run.process.terminate();
  await run.ended;
  run.cancelKill();
}

/** The hook counts against the grace period, but the app always gets a moment of its own. */
function grantMinimum(run: ContainerRun, clock: Clock): void {
  const earliestMs = clock.monotonicMs() + MINIMUM_GRACE_MS;
  if (run.hurry.signal.aborted || run.killAtMs >= earliestMs) return;
  run.killAtMs = Infinity;
  killBy(run, earliestMs, clock);
}

/** Moves the kill forward; never back. */
function killBy(run: ContainerRun, killAtMs: number, clock: Clock): void {
  if (killAtMs >= run.killAtMs) return;
  run.killAtMs = killAtMs;
  run.cancelKill();
  const kill = (): void => {
    run.hurry.abort();
    run.process.kill();
  };
  run.cancelKill = clock.setTimer(kill, Math.max(0, killAtMs - clock.monotonicMs()));
}

/** What probes and hooks of a run are made against. */
export function targetOf({ plan, process }: ContainerRun): ProbeTarget {
  const { container, launch, network } = plan;
  return {
    podIp: network.address,
    container,
    env: launch.env,
    begun: () => process.begun(),
    enter: (hasTerminal) => process.enter(hasTerminal),
  };
}
