import { join } from "node:path";
import { rm } from "node:fs/promises";
import { type Clock, isSemanticallyEqual, type KubeClient, NotFoundError, Pod, toError } from "@kelvin/kube";
import type { Network } from "../network/network.ts";
import { ContainerConfigError, type ContainerSpec } from "./container-env.ts";
import { type ContainerSurroundings, makeRunPlan, type PodSandbox } from "./container-plan.ts";
import { type ContainerRecord, decideContainer, recordBackoff, recordFailure } from "./container-record.ts";
import { type ContainerEvent, type ContainerWorker, openContainerWorker } from "./container-worker.ts";
import { ImageError } from "./image.ts";
import { logFileOf, removeOldLogs } from "./log-files.ts";
import { makePodStatus, type PodStatus } from "./pod-status.ts";
import { recordFromStatus } from "./pod-restore.ts";
import { prepareVolumes, type PreparedVolumes, type VolumeDeps } from "./volumes.ts";
import { timestampOf } from "./timestamp.ts";

/** How soon a failed step, such as a refused status write, is tried again. */
const RETRY_DELAY_MS = 500;
/** How long ErrImagePull is shown before it becomes ImagePullBackOff. */
const PULL_ERROR_MS = 1_000;

export interface PodWorkerDeps extends VolumeDeps {
  readonly network: Network;
  readonly clock: Clock;
  readonly surroundings: ContainerSurroundings;
  /** Where Pods keep their files: `<podsDirectory>/<uid>`. */
  readonly podsDirectory: string;
  readonly recordEvent: (pod: Pod, event: ContainerEvent) => void;
  readonly reportError: (message: string, error: unknown) => void;
}

export interface PodWorker {
  readonly uid: string;
  readonly pod: Pod;
  container(name: string): ContainerWorker | undefined;
  /** The Pod changed. */
  update(pod: Pod): void;
  /** The Pod is gone from the API server: kill at once what is left of it. */
  remove(): void;
  /** Stops the containers and says nothing about it: the whole cluster stops, and the Pod is to live on at the next start. */
  close(graceMs: number): Promise<void>;
  /** Resolves when nothing of the Pod is left on this machine. */
  readonly done: Promise<void>;
}

/** Drives one Pod from its assignment to its end, one step at a time; every change wakes the next step. */
export function openPodWorker(first: Pod, deps: PodWorkerDeps): PodWorker {
  const { clock } = deps;
  const uid = first.metadata.uid ?? "";
  const directory = join(deps.podsDirectory, uid);
  const startTime = first.status?.startTime ?? timestampOf(clock);
  let pod = first;
  let state: "active" | "removed" | "closed" = "active";
  let sandbox: PodSandbox | undefined;
  let written: PodStatus | undefined;
  let isFinished = false;
  let wakeUp: () => void = () => undefined;
  let isAwake = false;

  const workers = new Map(
    (pod.spec?.containers ?? []).map((container) => [container.name, openWorker(container)] as const),
  );

  function openWorker({ name }: ContainerSpec): ContainerWorker {
    const status = first.status?.containerStatuses?.find((candidate) => candidate.name === name);
    return openContainerWorker({
      name,
      ...(status !== undefined && { record: recordFromStatus(status, timestampOf(clock)) }),
      clock,
      onChange: wake,
      report: (event) => {
        deps.recordEvent(pod, event);
      },
      reportError: deps.reportError,
    });
  }

  function wake(): void {
    isAwake = true;
    wakeUp();
  }

  /** Waits for the next change, at most `delayMs`. */
  async function rest(delayMs: number): Promise<void> {
    if (isAwake) return;
    await new Promise<void>((resolve) => {
      const cancel = delayMs === Infinity ? (): void => undefined : clock.setTimer(resolve, delayMs);
      wakeUp = () => {
        cancel();
        resolve();
      };
    });
  }

  async function run(): Promise<void> {
    while (!isFinished) {
      isAwake = false;
      let delayMs = RETRY_DELAY_MS;
      try {
        delayMs = await step();
      } catch (error) {
        if (state === "active") deps.reportError("Failed to bring a Pod on", error);
      }
      if (!isFinished) await rest(delayMs);
    }
  }

  /** One pass over the Pod. Gives the longest time until the next. */
  async function step(): Promise<number> {
    if (state === "closed") return Infinity;
    if (state === "removed") {
      await stopAll(0);
      await release();
      isFinished = true;
      return 0;
    }
    if (pod.metadata.deletionTimestamp !== undefined) return stepDeletion();
    const delayMs = await startContainers();
    const phase = await writeStatus();
    if (phase === "Succeeded" || phase === "Failed") await leaveNetwork();
    return delayMs;
  }

  async function stepDeletion(): Promise<number> {
    const stopping = stopAll((pod.metadata.deletionGracePeriodSeconds ?? 30) * 1000);
    if ([...workers.values()].some((worker) => worker.process !== undefined)) {
      // Each container that ends wakes us; so does a deletion that gets more urgent.
      stopping.then(wake).catch((error: unknown) => {
        deps.reportError("Failed to stop a Pod", error);
      });
      await writeStatus();
      return Infinity;
    }
    await stopping;
    await writeStatus();
    await deps.kube.delete(Pod, keyOfPod(pod), { gracePeriodSeconds: 0, preconditions: { uid } });
    await release();
    isFinished = true;
    return 0;
  }

  async function startContainers(): Promise<number> {
    const policy = pod.spec?.restartPolicy ?? "Always";
    let delayMs = Infinity;
    for (const container of pod.spec?.containers ?? []) {
      const worker = workers.get(container.name);
      if (worker === undefined) continue;
      const nowMs = clock.monotonicMs();
      const decision = decideContainer(worker.record, policy, nowMs);
      if (decision.do === "start") delayMs = Math.min(delayMs, await startContainer(container, worker));
      if (decision.do === "wait") delayMs = Math.min(delayMs, waitOut(container, worker, decision.delayMs));
    }
    return Math.min(delayMs, await refreshVolumes());
  }

  async function startContainer(container: ContainerSpec, worker: ContainerWorker): Promise<number> {
    const runIndex = worker.record.last === undefined ? worker.record.restartCount : worker.record.restartCount + 1;
    try {
      sandbox ??= await openSandbox();
      const logFile = logFileOf(directory, container.name, runIndex);
      const plan = await makeRunPlan(container, { ...sandbox, pod }, { surroundings: deps.surroundings, logFile });
      tell("Normal", "Pulled", `Container image "${container.image ?? ""}" already present on machine`);
      if (state !== "active") return 0;
      await worker.start(plan);
      removeOldLogs(directory, container.name, runIndex);
      tell("Normal", "Created", `Created container: ${container.name}`);
      tell("Normal", "Started", `Started container ${container.name}`);
      return Infinity;
    } catch (error) {
      const failure = failureOf(error);
      worker.settle(recordFailure(worker.record, failure, clock.monotonicMs()));
      const isPull = failure.reason === "ErrImagePull";
      if (isPull) tell("Warning", "Failed", `Failed to pull image "${container.image ?? ""}": ${failure.message}`);
      tell("Warning", "Failed", `Error: ${isPull ? failure.reason : failure.message}`);
      return isPull ? PULL_ERROR_MS : 0;
    }
  }

  async function openSandbox(): Promise<PodSandbox> {
    const network = await deps.network.openPodNetwork();
    try {
      return { pod, directory, network, volumes: await volumesFor(network.address) };
    } catch (error) {
      await network.close();
      throw error;
    }
  }

  function volumesFor(podIp: string): Promise<PreparedVolumes> {
    const scope = { pod, podIp, hostIp: deps.surroundings.hostIp, directory: join(directory, "volumes") };
    return prepareVolumes(scope, deps);
  }

  /** Tokens are renewed well before they expire. Gives the time until the next renewal. */
  async function refreshVolumes(): Promise<number> {
    const refreshAtMs = sandbox?.volumes.refreshAtMs;
    if (sandbox === undefined || refreshAtMs === undefined) return Infinity;
    if (refreshAtMs <= deps.nowMs()) sandbox = { ...sandbox, volumes: await volumesFor(sandbox.network.address) };
    return Math.max(RETRY_DELAY_MS, (sandbox.volumes.refreshAtMs ?? Infinity) - deps.nowMs());
  }

  function waitOut(container: ContainerSpec, worker: ContainerWorker, delayMs: number): number {
    const { record } = worker;
    const { name = "", namespace = "" } = pod.metadata;
    if (record.state.phase === "terminated") {
      worker.settle(recordBackoff(record, delayMs, `${name}_${namespace}(${uid})`));
      const message = `Back-off restarting failed container ${container.name} in pod ${name}_${namespace}(${uid})`;
      tell("Warning", "BackOff", message);
    } else if (record.state.phase === "waiting" && record.state.reason === "ErrImagePull") {
      const image = `Back-off pulling image "${container.image ?? ""}"`;
      const message = `${image}: ErrImagePull: ${record.state.message ?? ""}`;
      worker.settle({ ...record, state: { ...record.state, reason: "ImagePullBackOff", message } });
      tell("Normal", "BackOff", image);
    }
    return delayMs;
  }

  function tell(type: ContainerEvent["type"], reason: string, message: string): void {
    deps.recordEvent(pod, { type, reason, message });
  }

  async function stopAll(graceMs: number): Promise<void> {
    for (const worker of workers.values()) {
      if (worker.process === undefined || state !== "active" || stoppingTold.has(worker)) continue;
      stoppingTold.add(worker);
      tell("Normal", "Killing", `Stopping container ${worker.record.name}`);
    }
    await Promise.all([...workers.values()].map((worker) => worker.stop(graceMs)));
  }
  const stoppingTold = new Set<ContainerWorker>();

  /** Tells the API server, if there is anything new. Gives the phase. */
  async function writeStatus(): Promise<string | undefined> {
    const records: ContainerRecord[] = [...workers.values()].map((worker) => worker.record);
    const status = makePodStatus({
      pod: { ...pod, status: { ...pod.status, conditions: written?.conditions ?? pod.status?.conditions ?? [] } },
      containers: records,
      ...(sandbox !== undefined && { podIp: sandbox.network.address }),
      hostIp: deps.surroundings.hostIp,
      startTime,
      now: timestampOf(clock),
    });
    if (isSemanticallyEqual(status, written)) return status.phase;
    try {
      const body = { metadata: { uid }, status };
      await deps.kube.patch(Pod, keyOfPod(pod), { type: "merge", body }, { subresource: "status" });
      written = status;
    } catch (error) {
      // Gone in between: the watch says so too, and ends this worker.
      if (!(error instanceof NotFoundError)) throw error;
    }
    return status.phase;
  }

  async function leaveNetwork(): Promise<void> {
    const network = sandbox?.network;
    sandbox = undefined;
    await network?.close();
  }

  async function release(): Promise<void> {
    await leaveNetwork();
    await rm(directory, { recursive: true, force: true });
  }

  const done = run();
  return {
    uid,
    get pod() {
      return pod;
    },
    container: (name) => workers.get(name),
    update(next) {
      pod = next;
      wake();
    },
    remove() {
      state = "removed";
      wake();
      stopAll(0).catch((error: unknown) => {
        deps.reportError("Failed to kill a Pod", error);
      });
    },
    async close(graceMs) {
      state = "closed";
      await stopAll(graceMs);
      isFinished = true;
      wake();
      await done;
    },
    done,
  };
}

function failureOf(error: unknown): { reason: string; message: string } {
  if (error instanceof ImageError) return { reason: error.reason, message: error.message };
  const reason = error instanceof ContainerConfigError ? "CreateContainerConfigError" : "CreateContainerError";
  return { reason, message: toError(error).message };
}

function keyOfPod({ metadata }: Pod): { namespace: string; name: string } {
  return { namespace: metadata.namespace ?? "", name: metadata.name ?? "" };
}
