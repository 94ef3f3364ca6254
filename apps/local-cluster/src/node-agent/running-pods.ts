import type { ContainerLog } from "./container-log.ts";
import type { PodSandbox } from "./container-plan.ts";
import type { RunPlan } from "./container-run.ts";
import type { ContainerProcess } from "./launch.ts";

/** One run of a container, as whoever takes it over has to know it. */
export interface HeldRun {
  readonly id: string;
  readonly restartCount: number;
  readonly startedAt: string;
  /** On the monotonic clock. */
  readonly startedMs: number;
  readonly plan: RunPlan;
  readonly process: ContainerProcess;
  readonly log: ContainerLog;
  /** Set when it has ended, whether or not anybody was there to see it. */
  finishedAt: string | undefined;
}

/** What there is of one Pod on this machine. */
export interface HeldPod {
  sandbox: PodSandbox | undefined;
  /** The last run of each container, by its name. */
  readonly runs: Map<string, HeldRun>;
}

/**
 * What outlives a node agent: processes with their output, addresses, volumes. An agent that is opened takes over what it
 * finds here; everything else it reads from the API. All of it ends with this process.
 */
export interface RunningPods {
  /** What there is of a Pod; something empty for one that is new. */
  of(uid: string): HeldPod;
  forget(uid: string): void;
}

export function openRunningPods(): RunningPods {
  const pods = new Map<string, HeldPod>();
  return {
    of(uid) {
      const held = pods.get(uid) ?? { sandbox: undefined, runs: new Map() };
      pods.set(uid, held);
      return held;
    },
    forget: (uid) => pods.delete(uid),
  };
}
