import { join } from "node:path";
import type { Clock, Pod } from "@kelvin/kube";
import type { Network } from "../network/network.ts";
import type { ContainerSpec } from "./container-env.ts";
import type { ContainerSurroundings } from "./container-plan.ts";
import { type ContainerEvent, type ContainerWorker, openContainerWorker } from "./container-worker.ts";
import { recordFromStatus, recordOfHeld } from "./pod-restore.ts";
import type { HeldPod, RunningPods } from "./running-pods.ts";
import type { PodDoom } from "./pod-doom.ts";
import type { PreparedContainer } from "./pod-prepare.ts";
import type { PodStatus } from "./pod-status.ts";
import { timestampOf } from "./timestamp.ts";
import type { VolumeDeps } from "./volume-content.ts";

export interface PodWorkerDeps extends VolumeDeps {
  readonly network: Network;
  readonly clock: Clock;
  readonly surroundings: ContainerSurroundings;
  /** What an earlier agent has left, and what this one will leave. */
  readonly running: RunningPods;
  /** Where Pods keep their files: `<podsDirectory>/<uid>`. */
  readonly podsDirectory: string;
  readonly recordEvent: (pod: Pod, event: ContainerEvent) => void;
  readonly reportError: (message: string, error: unknown) => void;
}

/** All that is known of one Pod on this node. Steps change it in place, one step at a time. */
export interface PodRun {
  readonly deps: PodWorkerDeps;
  readonly uid: string;
  readonly directory: string;
  readonly startTime: string;
  /** By container name, in the order of the spec. */
  readonly initWorkers: ReadonlyMap<string, ContainerWorker>;
  readonly workers: ReadonlyMap<string, ContainerWorker>;
  /** Those whose stop has been told of already. */
  readonly stopTold: Set<ContainerWorker>;
  pod: Pod;
  /** `removed`: gone from the API server; `closed`: the whole cluster stops, and the Pod lives on at the next start;
   * `detached`: this agent ends, and the next one takes over. */
  state: "active" | "removed" | "closed" | "detached";
  /** What there is of it on this machine. */
  readonly held: HeldPod;
  /** Something that files in volumes are made from has changed. */
  hasStaleVolumes: boolean;
  /** When all containers are to have ended, on the monotonic clock. */
  stopByMs: number;
  /** Set once the node ends this Pod. */
  doom: PodDoom | undefined;
  /** Aborts when nothing more is to be started. */
  readonly over: AbortController;
  isDoomTold: boolean;
  /** When its use of the disk is measured next, on the monotonic clock. */
  diskCheckAtMs: number;
  /** The container that waits for its turn, set apart already. */
  prepared: PreparedContainer | undefined;
  /** The status written last. */
  written: PodStatus | undefined;
}

export function makePodRun(pod: Pod, deps: PodWorkerDeps, wake: () => void): PodRun {
  const uid = pod.metadata.uid ?? "";
  const held = deps.running.of(uid);
  const run: PodRun = {
    deps,
    uid,
    directory: join(deps.podsDirectory, uid),
    startTime: pod.status?.startTime ?? timestampOf(deps.clock),
    initWorkers: openWorkers(pod.spec?.initContainers ?? [], pod.status?.initContainerStatuses ?? []),
    workers: openWorkers(pod.spec?.containers ?? [], pod.status?.containerStatuses ?? []),
    stopTold: new Set(),
    pod,
    state: "active",
    held,
    // What an earlier agent left may have been written long ago.
    hasStaleVolumes: held.sandbox !== undefined,
    stopByMs: Infinity,
    doom: undefined,
    over: new AbortController(),
    isDoomTold: false,
    diskCheckAtMs: 0,
    prepared: undefined,
    written: undefined,
  };

  function openWorkers(
    containers: readonly ContainerSpec[],
    statuses: NonNullable<PodStatus["containerStatuses"]>,
  ): Map<string, ContainerWorker> {
    return new Map(
      containers.map(({ name, restartPolicy }) => {
        const status = statuses.find((candidate) => candidate.name === name);
        const policy = restartPolicy === "Always" ? "Always" : (pod.spec?.restartPolicy ?? "Always");
        const now = timestampOf(deps.clock);
        const known = status === undefined ? undefined : recordFromStatus(status, { policy, now });
        const record = recordOfHeld(status, held.runs.get(name)) ?? known;
        const worker = openContainerWorker({
          name,
          ...(record !== undefined && { record }),
          runs: held.runs,
          clock: deps.clock,
          onChange: wake,
          report: (event) => {
            deps.recordEvent(run.pod, { ...event, container: name });
          },
          reportError: deps.reportError,
        });
        return [name, worker];
      }),
    );
  }
  return run;
}

/** Init containers that run as long as the Pod does, in the order of the spec. */
export function sidecarsOf({ pod, initWorkers }: PodRun): ContainerWorker[] {
  return (pod.spec?.initContainers ?? []).flatMap(({ name, restartPolicy }) => {
    const worker = restartPolicy === "Always" ? initWorkers.get(name) : undefined;
    return worker === undefined ? [] : [worker];
  });
}

/** Where a Pod's volumes live. */
export function volumesDirectory({ directory }: Pick<PodRun, "directory">): string {
  return join(directory, "volumes");
}

export function allWorkers(run: PodRun): ContainerWorker[] {
  return [...run.initWorkers.values(), ...run.workers.values()];
}

export function tell(
  { deps, pod }: PodRun,
  type: ContainerEvent["type"],
  [reason, message, container]: readonly [reason: string, message: string, container?: string],
): void {
  deps.recordEvent(pod, { type, reason, message, ...(container !== undefined && { container }) });
}

export function keyOfPod({ metadata }: Pod): { namespace: string; name: string } {
  return { namespace: metadata.namespace ?? "", name: metadata.name ?? "" };
}
