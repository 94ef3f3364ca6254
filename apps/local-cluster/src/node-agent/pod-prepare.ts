import { statSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import type { ContainerSpec } from "./container-env.ts";
import { describeRun, type MadeRun, makeRun, type RunDescription, signalsGroup } from "./container-plan.ts";
import type { ContainerWorker } from "./container-worker.ts";
import { prepareLaunch, type WaitingLaunch } from "./launch.ts";
import type { Mount } from "./mounts.ts";
import type { PodRun } from "./pod-run.ts";
import { resolveInRoot } from "./runtime/root-path.ts";

// While one init container runs, the one after it is set apart: its root, its mounts, its process up to the last exec. From
// one's end to the other's begin there is then next to nothing to do. When its turn comes it is described anew, and what has
// been prepared is used only if it would be made in the same way now. It ends with us: its launcher reads from a pipe of ours.

/** A container that waits for its turn. */
export interface PreparedContainer {
  readonly name: string;
  /** Gives undefined when it cannot be prepared: what is wrong with it is told when its turn comes. Never rejects. */
  readonly ready: Promise<ReadyContainer | undefined>;
  readonly dropped: AbortController;
}

interface ReadyContainer {
  readonly made: MadeRun;
  readonly waiting: WaitingLaunch;
  readonly basis: object;
}

/** Begins to prepare the container whose turn comes when the one that runs now has ended; once for each. */
export async function prepareNext(run: PodRun): Promise<void> {
  const found = findNext(run);
  if (found === undefined || run.over.signal.aborted || run.prepared?.name === found.next.name) return;
  await dropPrepared(run);
  const dropped = new AbortController();
  const ready = prepare(run, found, dropped.signal).catch(() => undefined);
  run.prepared = { name: found.next.name, ready, dropped };
}

/** What was prepared for this run, if that is what would be made for it now. */
export async function findPrepared(run: PodRun, description: RunDescription): Promise<ReadyContainer | undefined> {
  const { prepared } = run;
  if (prepared?.name !== description.container.name) return undefined;
  const ready = await prepared.ready;
  if (ready?.waiting.isWaiting === true && isDeepStrictEqual(basisOf(description), ready.basis)) return ready;
  await dropPrepared(run);
  return undefined;
}

/** Ends what was prepared and has not begun. */
export async function dropPrepared(run: PodRun): Promise<void> {
  const { prepared } = run;
  run.prepared = undefined;
  prepared?.dropped.abort();
  const ready = await prepared?.ready;
  if (ready?.waiting.isWaiting !== true) return;
  await ready.waiting.drop();
  ready.made.cgroup?.remove();
}

interface Neighbours {
  readonly current: ContainerWorker;
  readonly next: ContainerSpec;
}

/** The container that waits for one that is running now to end, and for nothing else. */
function findNext({ pod, initWorkers, workers }: PodRun): Neighbours | undefined {
  const { initContainers = [], containers = [] } = pod.spec ?? {};
  const all = [...initContainers, ...containers.slice(0, 1)];
  const workerOf = ({ name }: ContainerSpec): ContainerWorker | undefined => initWorkers.get(name) ?? workers.get(name);
  const isRunning = (container: ContainerSpec): boolean => workerOf(container)?.record.state.phase === "running";
  const index = initContainers.findIndex((one) => one.restartPolicy !== "Always" && isRunning(one));
  const [current, next] = [all[index], all[index + 1]];
  if (index < 0 || current === undefined || next === undefined) return undefined;
  const [worker, successor] = [workerOf(current), workerOf(next)];
  const isUntouched = successor?.log === undefined && successor?.record.last === undefined;
  return worker !== undefined && isUntouched ? { current: worker, next } : undefined;
}

async function prepare(
  run: PodRun,
  { current, next }: Neighbours,
  dropped: AbortSignal,
): Promise<ReadyContainer | undefined> {
  const { sandbox } = run.held;
  const hasPathInVolume = next.volumeMounts?.some(({ subPath, subPathExpr }) => (subPath ?? subPathExpr) !== undefined);
  if (sandbox === undefined || hasPathInVolume === true) return undefined;
  // It is not to be slowed down by what follows it.
  await current.process?.begun();
  if (dropped.aborted) return undefined;
  const { surroundings } = run.deps;
  const description = await describeRun(next, { ...sandbox, pod: run.pod }, { surroundings, onPull, signal: dropped });
  if (dropped.aborted || reachesIntoVolumes(description)) return undefined;
  const made = makeRun(description, surroundings.cgroups);
  const waiting = await prepareLaunch({
    command: description.request.command,
    network: description.network,
    launch: made.launch,
    signalsGroup: signalsGroup(next, description.image),
    outputPipes: surroundings.outputPipes,
  });
  return { made, waiting, basis: basisOf(description) };
}

/** @throws Error because what is fetched is told of, and may fail: that waits for its turn. */
function onPull(): never {
  throw new Error("the image is not here yet");
}

/**
 * Whether something is mounted in a volume, or its app begins there: the place would have to be made in the volume, where
 * the containers before it would find it.
 */
function reachesIntoVolumes({ request }: RunDescription): boolean {
  const { rootfs = "/", volumeMounts, workingDir } = request;
  const insideOf = (target: string): string => resolveInRoot(rootfs, target).inside;
  const volumes = volumeMounts.map(({ target }) => `${insideOf(target)}/`);
  const places = [...mountsOf(request).map(({ target }) => target), workingDir].map(insideOf);
  return places.some((place) => volumes.some((volume) => place.startsWith(volume)));
}

/** All that a run is made by. A source of a mount that was made anew in the meantime is another one. */
function basisOf({ container, request, runtime, image }: RunDescription): object {
  const { pod: _, ...own } = request;
  const sources = mountsOf(request).map(({ source }) => {
    const found = statSync(source, { throwIfNoEntry: false });
    return `${found?.dev}:${found?.ino}`;
  });
  return { container, own, runtime: runtime.runtime.name, image, sources };
}

function mountsOf({ systemMounts, agentMounts, volumeMounts }: RunDescription["request"]): Mount[] {
  return [...systemMounts, ...agentMounts, ...volumeMounts];
}
