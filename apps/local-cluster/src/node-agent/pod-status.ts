import type { Pod } from "@kelvin/kube";
import { type ContainerRecord, mayRestart, type Termination } from "./container-record.ts";
import type { PodDoom } from "./pod-doom.ts";

export type PodStatus = NonNullable<Pod["status"]>;
type Condition = NonNullable<PodStatus["conditions"]>[number];
type ContainerStatus = NonNullable<PodStatus["containerStatuses"]>[number];

/** What the agent knows of a Pod beyond its containers. */
export interface PodFacts {
  readonly pod: Pod;
  /** The conditions before this status. */
  readonly conditions: readonly Condition[];
  readonly initContainers: readonly ContainerRecord[];
  readonly containers: readonly ContainerRecord[];
  readonly podIp?: string;
  /** Set when the node ends the Pod. */
  readonly doom?: PodDoom;
  readonly hostIp: string;
  /** RFC 3339, when the agent took the Pod. */
  readonly startTime: string;
  readonly now: string;
}

export const containerIdPrefix = "kelvin://";

/** The status the agent writes for a Pod. Conditions of others are kept, and so are transition times of what stayed. */
export function makePodStatus(facts: PodFacts): PodStatus {
  const { pod, containers, initContainers, podIp, hostIp, startTime } = facts;
  return {
    phase: phaseOf(facts),
    ...(facts.doom !== undefined && { reason: facts.doom.reason, message: facts.doom.message }),
    conditions: makeConditions(facts),
    hostIP: hostIp,
    hostIPs: [{ ip: hostIp }],
    ...(podIp !== undefined && { podIP: podIp, podIPs: [{ ip: podIp }] }),
    startTime,
    qosClass: qosClassOf(pod),
    ...(initContainers.length > 0 && {
      initContainerStatuses: initContainers.map((record) => makeContainerStatus(record, pod)),
    }),
    containerStatuses: containers.map((record) => makeContainerStatus(showInitializing(record, facts), pod)),
  };
}

/** A container that has not had its turn waits for the init containers, and says so. */
function showInitializing(record: ContainerRecord, facts: PodFacts): ContainerRecord {
  const { state } = record;
  const isUntouched = state.phase === "waiting" && state.reason === "ContainerCreating";
  if (!isUntouched || incomplete(facts).length === 0) return record;
  return { ...record, state: { phase: "waiting", reason: "PodInitializing" } };
}

/** Names of init containers that others still wait for. */
function incomplete({ initContainers, containers, pod }: PodFacts): string[] {
  // Once they have begun, nobody waits for a sidecar that starts again.
  if (containers.some(({ state, last }) => state.phase !== "waiting" || last !== undefined)) return [];
  const isComplete = ({ name, state }: ContainerRecord): boolean =>
    isSidecar(pod, name)
      ? state.phase === "running" && state.isStarted
      : state.phase === "terminated" && state.termination.exitCode === 0;
  return initContainers.filter((record) => !isComplete(record)).map(({ name }) => name);
}

/** Init containers that run as long as the Pod does. */
function isSidecar(pod: Pod, name: string): boolean {
  return (pod.spec?.initContainers ?? []).some((one) => one.name === name && one.restartPolicy === "Always");
}

function phaseOf(facts: PodFacts): string {
  const isAnyRunning = [...facts.initContainers, ...facts.containers].some(({ state }) => state.phase === "running");
  // Not before the last one has ended: who waits for a Pod's end wants nothing of it to be left.
  return facts.doom !== undefined && !isAnyRunning ? "Failed" : phaseByContainers(facts);
}

function phaseByContainers(facts: PodFacts): string {
  const { pod, containers, initContainers } = facts;
  const policy = pod.spec?.restartPolicy ?? "Always";
  if (incomplete(facts).length > 0) return hasFailedToInitialize(pod, initContainers) ? "Failed" : "Pending";
  const isStopping = pod.metadata.deletionTimestamp !== undefined;
  const terminations = containers.flatMap(({ state }) => (state.phase === "terminated" ? [state.termination] : []));
  const hasSidecar = initContainers.some(({ name, state }) => isSidecar(pod, name) && state.phase === "running");
  const haveAllEnded = terminations.length === containers.length && !hasSidecar;
  if (haveAllEnded && (isStopping || !terminations.some((termination) => mayRestart(termination, policy)))) {
    return terminations.every(({ exitCode }) => exitCode === 0) ? "Succeeded" : "Failed";
  }
  const hasBeenStarted = containers.every(({ state, last }) => state.phase !== "waiting" || last !== undefined);
  return hasBeenStarted ? "Running" : "Pending";
}

/** Under restartPolicy Never one failed init container is the end of the Pod. */
function hasFailedToInitialize(pod: Pod, initContainers: readonly ContainerRecord[]): boolean {
  const hasFailed = ({ state }: ContainerRecord): boolean =>
    state.phase === "terminated" && state.termination.exitCode !== 0;
  return pod.spec?.restartPolicy === "Never" && initContainers.some(hasFailed);
}

function makeConditions(facts: PodFacts): Condition[] {
  const { pod, containers, podIp } = facts;
  const phase = phaseOf(facts);
  const initializing = incomplete(facts);
  const sidecars = facts.initContainers.filter(({ name }) => isSidecar(pod, name));
  const unready = [...sidecars, ...containers].filter((record) => !isReady(record)).map(({ name }) => name);
  const containersReady: Verdict =
    phase === "Succeeded" || phase === "Failed"
      ? { status: "False", reason: phase === "Succeeded" ? "PodCompleted" : "PodFailed" }
      : unready.length === 0
        ? { status: "True" }
        : {
            status: "False",
            reason: "ContainersNotReady",
            message: `containers with unready status: [${unready.join(" ")}]`,
          };
  const verdicts: Record<string, Verdict> = {
    PodReadyToStartContainers: { status: podIp === undefined ? "False" : "True" },
    Initialized:
      initializing.length === 0
        ? { status: "True" }
        : {
            status: "False",
            reason: "ContainersNotInitialized",
            message: `containers with incomplete status: [${initializing.join(" ")}]`,
          },
    Ready: readyVerdict(facts, containersReady),
    ContainersReady: containersReady,
    PodScheduled: { status: "True" },
  };
  const known = facts.conditions;
  const ours = Object.entries(verdicts).map(([type, verdict]) => makeCondition({ type, ...verdict }, known, facts.now));
  return [...ours, ...known.filter(({ type }) => !Object.hasOwn(verdicts, type))];
}

interface Verdict {
  status: "True" | "False";
  reason?: string;
  message?: string;
}

/** A Pod is ready when its containers and every readiness gate are. */
function readyVerdict({ pod, conditions }: PodFacts, containersReady: Verdict): Verdict {
  if (containersReady.status === "False") return containersReady;
  const closed = (pod.spec?.readinessGates ?? []).find(
    ({ conditionType }) => conditions.find(({ type }) => type === conditionType)?.status !== "True",
  );
  if (closed === undefined) return { status: "True" };
  const message = `the status of pod readiness gate "${closed.conditionType}" is not "True"`;
  return { status: "False", reason: "ReadinessGatesNotReady", message };
}

function makeCondition(wanted: Verdict & { type: string }, known: readonly Condition[], now: string): Condition {
  const before = known.find(({ type }) => type === wanted.type);
  const hasStayed = before?.status === wanted.status && before.lastTransitionTime !== undefined;
  return { ...wanted, lastTransitionTime: hasStayed ? before.lastTransitionTime : now } as Condition;
}

function isReady({ state }: ContainerRecord): boolean {
  return state.phase === "running" && state.isReady;
}

/** An init container is ready when it has done its work. */
function countsAsReady(record: ContainerRecord, pod: Pod): boolean {
  const { name, state } = record;
  const isInit = (pod.spec?.initContainers ?? []).some((one) => one.name === name) && !isSidecar(pod, name);
  return isInit ? state.phase === "terminated" && state.termination.exitCode === 0 : isReady(record);
}

function makeContainerStatus(record: ContainerRecord, pod: Pod): ContainerStatus {
  const { name, state, last, restartCount } = record;
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  const image = containers.find((container) => container.name === name)?.image ?? "";
  const id = idOf(record);
  // The end of the last run is the state itself until there is another state.
  const previous = state.phase === "terminated" ? undefined : last;
  return {
    name,
    image,
    imageID: id === undefined ? "" : imageIdOf(record, image),
    ...(id !== undefined && { containerID: `${containerIdPrefix}${id}` }),
    ready: countsAsReady(record, pod),
    started: state.phase === "running" && state.isStarted,
    restartCount,
    state: makeState(record),
    lastState: previous !== undefined ? { terminated: makeTerminated(previous) } : {},
  };
}

function imageIdOf({ imageId }: ContainerRecord, image: string): string {
  return imageId ?? image;
}

function idOf({ state, last }: ContainerRecord): string | undefined {
  if (state.phase === "running") return state.id;
  if (state.phase === "terminated") return state.termination.id;
  return last?.id;
}

function makeState({ state }: ContainerRecord): NonNullable<ContainerStatus["state"]> {
  if (state.phase === "running") return { running: { startedAt: state.startedAt } };
  if (state.phase === "terminated") return { terminated: makeTerminated(state.termination) };
  const { reason, message } = state;
  return { waiting: { reason, ...(message !== undefined && { message }) } };
}

function makeTerminated({
  id,
  ...termination
}: Termination): NonNullable<NonNullable<ContainerStatus["state"]>["terminated"]> {
  return { ...termination, containerID: `${containerIdPrefix}${id}` };
}

/** Guaranteed when every container limits cpu and memory to what it requests, BestEffort without any, Burstable else. */
function qosClassOf(pod: Pod): string {
  const all = (pod.spec?.containers ?? []).map(({ resources }) => resources ?? {});
  if (all.every(({ limits, requests }) => isEmpty(limits) && isEmpty(requests))) return "BestEffort";
  const isGuaranteed = all.every(({ limits, requests }) =>
    ["cpu", "memory"].every(
      (name) => limits?.[name] !== undefined && (requests?.[name] ?? limits[name]) === limits[name],
    ),
  );
  return isGuaranteed ? "Guaranteed" : "Burstable";
}

function isEmpty(amounts: Record<string, string> | undefined): boolean {
  return amounts === undefined || Object.keys(amounts).length === 0;
}
