import { toError } from "@kelvin/kube";
import { ContainerConfigError, type ContainerSpec } from "./container-env.ts";
import { describeRun, makeRun, planRun, type PodSandbox } from "./container-plan.ts";
import {
  decideContainer,
  isPullFailure,
  mayRestart,
  recordBackoff,
  recordFailure,
  type RestartPolicy,
  type StartFailure,
} from "./container-record.ts";
import type { RunPlan } from "./container-run.ts";
import type { ContainerWorker } from "./container-worker.ts";
import { ImageError } from "./images/image-source.ts";
import { logFileOf, removeOldLogs } from "./log-files.ts";
import { remainingMs } from "./pod-doom.ts";
import { stopSidecars } from "./pod-end.ts";
import { findPrepared } from "./pod-prepare.ts";
import { keyOfPod, type PodRun, tell, volumesDirectory } from "./pod-run.ts";
import { VolumeError } from "./volume-content.ts";
import { prepareVolumes, type PreparedVolumes } from "./volumes.ts";

/** Timers know no longer one. */
const TIMER_MAX_MS = 2 ** 31 - 1;
/** How long ErrImagePull is shown before it becomes ImagePullBackOff. */
const PULL_ERROR_MS = 1_000;
/** A token that could not be renewed is tried again after this. */
const REFRESH_RETRY_MS = 5_000;

/**
 * Starts what is to run now: init containers one after another, each to its end, then all others. Gives the time until
 * something may be due again.
 */
export async function startContainers(run: PodRun): Promise<number> {
  const policy = run.pod.spec?.restartPolicy ?? "Always";
  if (isWorkDone(run, policy)) {
    stopSidecars(run).catch((error: unknown) => {
      run.deps.reportError("Failed to stop the sidecars of a Pod", error);
    });
    return Infinity;
  }
  const init = await startInitContainers(run, policy);
  if (init.areWaitedFor) return init.delayMs;
  let delayMs = Math.min(init.delayMs, await refreshVolumes(run));
  for (const container of run.pod.spec?.containers ?? []) {
    const worker = run.workers.get(container.name);
    delayMs = Math.min(delayMs, await bringOn(run, container, { worker, policy }));
    if (worker?.isInPostStart === true) return delayMs;
  }
  return delayMs;
}

async function startInitContainers(
  run: PodRun,
  policy: RestartPolicy,
): Promise<{ delayMs: number; areWaitedFor: boolean }> {
  // A sidecar that starts again does not hold up those who run beside it.
  const haveOthersBegun = [...run.workers.values()].some(({ log }) => log !== undefined);
  let delayMs = Infinity;
  for (const container of run.pod.spec?.initContainers ?? []) {
    const isSidecar = container.restartPolicy === "Always";
    const initPolicy = isSidecar ? "Always" : policy === "Always" ? "OnFailure" : policy;
    const worker = run.initWorkers.get(container.name);
    delayMs = Math.min(delayMs, await bringOn(run, container, { worker, policy: initPolicy }));
    if (!haveOthersBegun && !isPassed(worker, isSidecar)) return { delayMs, areWaitedFor: true };
  }
  return { delayMs, areWaitedFor: false };
}

/** Whether all containers have ended for good, so that nobody needs the sidecars any more. */
function isWorkDone(run: PodRun, policy: RestartPolicy): boolean {
  return [...run.workers.values()].every(
    ({ record: { state } }) => state.phase === "terminated" && !mayRestart(state.termination, policy),
  );
}

/** Whether what comes after an init container may start: it has ended well, or it is a sidecar that has started. */
function isPassed(worker: ContainerWorker | undefined, isSidecar: boolean): boolean {
  const state = worker?.record.state;
  if (isSidecar) return state?.phase === "running" && state.isStarted;
  return state?.phase === "terminated" && state.termination.exitCode === 0;
}

interface Assignment {
  worker: ContainerWorker | undefined;
  policy: RestartPolicy;
}

async function bringOn(run: PodRun, container: ContainerSpec, { worker, policy }: Assignment): Promise<number> {
  if (worker === undefined) return Infinity;
  const decision = decideContainer(worker.record, policy, run.deps.clock.monotonicMs());
  if (decision.do === "start") return startContainer(run, container, worker);
  if (decision.do === "nothing") return Infinity;
  return showWaiting(run, container, { worker, delayMs: decision.delayMs });
}

async function startContainer(run: PodRun, container: ContainerSpec, worker: ContainerWorker): Promise<number> {
  const { deps, directory } = run;
  const runIndex = worker.record.last === undefined ? worker.record.restartCount : worker.record.restartCount + 1;
  try {
    run.held.sandbox ??= await openSandbox(run);
    await worker.clear();
    const logFile = logFileOf(directory, container.name, runIndex);
    const sandbox = { ...run.held.sandbox, pod: run.pod };
    const { surroundings } = deps;
    const description = await describeRun(container, sandbox, {
      surroundings,
      onPull: () => tell(run, "Normal", ["Pulling", `Pulling image "${container.image ?? ""}"`, container.name]),
      signal: startSignal(run),
    });
    const prepared = await findPrepared(run, description);
    const made = prepared?.made ?? makeRun(description, surroundings.cgroups);
    const plan = planRun(description, made, { outputPipes: surroundings.outputPipes, logFile });
    tellPlan(run, plan, worker);
    if (run.over.signal.aborted) return 0;
    await worker.start(plan, prepared?.waiting);
    removeOldLogs(directory, container.name, runIndex);
    tell(run, "Normal", ["Created", `Created container: ${container.name}`, container.name]);
    tell(run, "Normal", ["Started", `Started container ${container.name}`, container.name]);
    return Infinity;
  } catch (error) {
    if (run.over.signal.aborted) return 0;
    return showFailure(run, container, { worker, failure: failureOf(error) });
  }
}

/** A pull takes its time, but no more than the Pod has. */
function startSignal({ pod, startTime, over, deps }: PodRun): AbortSignal {
  const leftMs = remainingMs(pod, startTime, deps.nowMs());
  if (leftMs === Infinity) return over.signal;
  return AbortSignal.any([over.signal, AbortSignal.timeout(Math.min(Math.max(0, Math.ceil(leftMs)), TIMER_MAX_MS))]);
}

function tellPlan(run: PodRun, { container, pulled, runtime }: RunPlan, { record }: ContainerWorker): void {
  const present = `Container image "${container.image ?? ""}" already present on machine`;
  tell(run, "Normal", ["Pulled", pulled ?? present, container.name]);
  // Said once: who wonders how a container is kept apart finds it, and who does not need not read it at each restart.
  if (record.last !== undefined) return;
  const reason = runtime.because === "" ? "" : `: ${runtime.because}`;
  tell(run, "Normal", ["RuntimeChosen", `Runs in runtime "${runtime.runtime.name}"${reason}`, container.name]);
}

function showFailure(
  run: PodRun,
  container: ContainerSpec,
  { worker, failure }: { worker: ContainerWorker; failure: StartFailure },
): number {
  worker.settle(recordFailure(worker.record, failure, run.deps.clock.monotonicMs()));
  if (failure.isVolume === true) {
    tell(run, "Warning", ["FailedMount", failure.message]);
    return 0;
  }
  const isPull = isPullFailure(failure.reason);
  const { name, image = "" } = container;
  if (isPull) tell(run, "Warning", ["Failed", `Failed to pull image "${image}": ${failure.message}`, name]);
  tell(run, "Warning", ["Failed", `Error: ${isPull ? failure.reason : failure.message}`, name]);
  return isPull ? PULL_ERROR_MS : 0;
}

function failureOf(error: unknown): StartFailure {
  if (error instanceof ImageError) return { reason: error.reason, message: error.message };
  // Nothing is wrong with the container itself: it is shown as waiting, and the event says for what.
  if (error instanceof VolumeError) return { reason: "ContainerCreating", message: error.message, isVolume: true };
  const reason = error instanceof ContainerConfigError ? "CreateContainerConfigError" : "CreateContainerError";
  return { reason, message: toError(error).message };
}

/** Says in the container's state what is waited for. Gives the time until there is more to do or to say. */
function showWaiting(
  run: PodRun,
  container: ContainerSpec,
  { worker, delayMs }: { worker: ContainerWorker; delayMs: number },
): number {
  const { record } = worker;
  const { namespace, name } = keyOfPod(run.pod);
  const podText = `${name}_${namespace}(${run.uid})`;
  if (record.state.phase === "terminated") {
    worker.settle(recordBackoff(record, delayMs, podText));
    const text = `Back-off restarting failed container ${container.name} in pod ${podText}`;
    tell(run, "Warning", ["BackOff", text, container.name]);
  } else if (record.state.phase === "waiting" && record.state.reason === "ErrImagePull") {
    const shownMs = run.deps.clock.monotonicMs() - (record.state.failedAtMs ?? 0);
    if (shownMs < PULL_ERROR_MS) return Math.min(delayMs, PULL_ERROR_MS - shownMs);
    const text = `Back-off pulling image "${container.image ?? ""}"`;
    const message = `${text}: ErrImagePull: ${record.state.message ?? ""}`;
    worker.settle({ ...record, state: { ...record.state, reason: "ImagePullBackOff", message } });
    tell(run, "Normal", ["BackOff", text, container.name]);
  }
  return delayMs;
}

async function openSandbox(run: PodRun): Promise<PodSandbox> {
  const network = await run.deps.network.openPodNetwork();
  try {
    return { pod: run.pod, directory: run.directory, network, volumes: await volumesFor(run, network.address) };
  } catch (error) {
    await network.close();
    throw error;
  }
}

function volumesFor(run: PodRun, podIp: string): Promise<PreparedVolumes> {
  const { pod, deps } = run;
  const scope = { pod, podIp, hostIp: deps.surroundings.hostIp, directory: volumesDirectory(run) };
  return prepareVolumes(scope, deps);
}

/**
 * Tokens are renewed well before they expire, and files follow the objects that they are made from. Gives the time until
 * the next renewal.
 */
async function refreshVolumes(run: PodRun): Promise<number> {
  const { deps } = run;
  const { sandbox } = run.held;
  if (sandbox === undefined) return Infinity;
  const dueMs = (sandbox.volumes.refreshAtMs ?? Infinity) - deps.nowMs();
  if (dueMs > 0 && !run.hasStaleVolumes) return dueMs;
  run.hasStaleVolumes = false;
  try {
    const volumes = await volumesFor(run, sandbox.network.address);
    run.held.sandbox = { ...sandbox, volumes };
    return (volumes.refreshAtMs ?? Infinity) - deps.nowMs();
  } catch (error) {
    // The old content is good for a while yet; what runs must not suffer.
    if (error instanceof VolumeError) tell(run, "Warning", ["FailedMount", error.message]);
    else deps.reportError("Failed to renew a Pod's volumes", error);
  }
  return REFRESH_RETRY_MS;
}
