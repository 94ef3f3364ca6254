import type { ScaleSpec } from "./scale-spec.ts";

/** What is known of a revision at one instant. */
export interface ScaleObservation {
  /** Average load over the stable window; undefined when nothing has been reported yet. */
  readonly stableLoad: number | undefined;
  /** Average load over the panic window. */
  readonly panicLoad: number;
  /** In flight plus queued right now, over all activators. */
  readonly outstanding: number;
  /** Milliseconds since anything was in flight, queued or ended; Infinity when never seen. */
  readonly idleMs: number;
  /** Milliseconds since the revision last became active (or was first seen, after a restart of the autoscaler). */
  readonly activeMs: number;
  /** Milliseconds that it has been waiting for its first ready pod; 0 when it is not. */
  readonly activatingMs: number;
  readonly podCountReady: number;
  /** What the Deployment asks for now. */
  readonly podCountCurrent: number;
  /** Whether the initial scale was reached once. */
  readonly isInitialized: boolean;
  /** False while a known activator does not report: then nothing is scaled in. */
  readonly isComplete: boolean;
}

/** What a decision hands to the next one for the same revision. */
export interface ScaleMemory {
  /** While panicking: when the load was last over the threshold. */
  readonly panicSinceMs?: number;
  /** The most pods asked for in this panic. */
  readonly panicPodCount: number;
  /** Falling maxima of recent wishes inside the scale-down delay, oldest first. */
  readonly recentWishes: readonly Wish[];
}

interface Wish {
  readonly atMs: number;
  readonly podCount: number;
}

/** The pod count to have, and why, in words for a person. */
export interface ScaleDecision {
  readonly podCount: number;
  readonly isPanicking: boolean;
  readonly reason: string;
}

/** The memory of a revision that has just been met. */
export const noMemory: ScaleMemory = { panicPodCount: 0, recentWishes: [] };

/** How long past the progress deadline an activation is still waited for. Source: Knative's activation time-out buffer. */
const activationBufferMs = 30_000;

/**
 * Decides how many pods a revision should have. Pure: the same spec, observation, memory and instant give the same answer.
 *
 * Promises: the answer lies inside [minimum, maximum]; a panic never lowers it; more load never means fewer pods; it is 0
 * only after the stable window and the grace without any request; it is not lowered while a known activator is silent.
 * Source: Knative's KPA, with exact integrals from the activators in place of sampled pods.
 */
export function decideScale(
  spec: ScaleSpec,
  observation: ScaleObservation,
  { memory, nowMs }: { memory: ScaleMemory; nowMs: number },
): { decision: ScaleDecision; memory: ScaleMemory } {
  const wished = wishFromLoad(spec, observation, { memory, nowMs });
  const delayed = applyScaleDownDelay(spec, wished, nowMs);
  const decision = [keepUntilInitialized, keepLastPod, giveUpActivation, keepWhileIncomplete, clampToBounds].reduce(
    (current, rule) => rule(current, spec, observation),
    delayed.decision,
  );
  return { decision, memory: delayed.memory };
}

interface Step {
  decision: ScaleDecision;
  memory: ScaleMemory;
}

type Rule = (decision: ScaleDecision, spec: ScaleSpec, observation: ScaleObservation) => ScaleDecision;

/** Stable and panic windows (Knative's rules 2 to 7). */
function wishFromLoad(
  spec: ScaleSpec,
  observation: ScaleObservation,
  { memory, nowMs }: { memory: ScaleMemory; nowMs: number },
): Step {
  const ready = Math.max(1, observation.podCountReady);
  const stableWish = Math.ceil(stableLoadOf(observation) / spec.targetPerPod);
  const panicWish = Math.ceil(panicLoadOf(observation) / spec.targetPerPod);
  const lowest = spec.isReachable ? Math.floor(ready / spec.scaleDownRateMax) : 0;
  const highest = Math.ceil(spec.scaleUpRateMax * ready);
  const rateLimited = (podCount: number): number =>
    raiseToActivation(spec, Math.min(Math.max(podCount, lowest), highest));
  const stable = rateLimited(stableWish);
  const panic = rateLimited(panicWish);

  const panicSinceMs = nextPanic(spec, { isOver: panicWish / ready >= spec.panicThresholdRatio, nowMs, memory });
  if (panicSinceMs === undefined) {
    const decision = {
      podCount: stable,
      isPanicking: false,
      reason: `${describeLoad(spec, observation)} wants ${stable}`,
    };
    return { decision, memory: { panicPodCount: 0, recentWishes: memory.recentWishes } };
  }
  const podCount = Math.max(stable, panic, memory.panicPodCount);
  return {
    decision: { podCount, isPanicking: true, reason: `${describeLoad(spec, observation)}; panic keeps ${podCount}` },
    memory: { panicSinceMs, panicPodCount: podCount, recentWishes: memory.recentWishes },
  };
}

/** Without any pod only what waits is known; an average would be diluted by the time before the first request. */
function stableLoadOf(observation: ScaleObservation): number {
  const average = observation.stableLoad ?? 0;
  return observation.podCountReady === 0 ? Math.max(average, observation.outstanding) : average;
}

function panicLoadOf(observation: ScaleObservation): number {
  return observation.podCountReady === 0
    ? Math.max(observation.panicLoad, observation.outstanding)
    : observation.panicLoad;
}

function raiseToActivation(spec: ScaleSpec, podCount: number): number {
  return podCount > 0 ? Math.max(podCount, spec.podCountActivation) : podCount;
}

function nextPanic(
  spec: ScaleSpec,
  { isOver, nowMs, memory }: { isOver: boolean; nowMs: number; memory: ScaleMemory },
): number | undefined {
  if (isOver) return nowMs;
  if (memory.panicSinceMs === undefined) return undefined;
  return nowMs >= memory.panicSinceMs + spec.stableWindowMs ? undefined : memory.panicSinceMs;
}

/** A wish to have fewer pods counts only once it has lasted for the delay. */
function applyScaleDownDelay(spec: ScaleSpec, step: Step, nowMs: number): Step {
  if (spec.scaleDownDelayMs === 0 || !spec.isReachable) {
    return { decision: step.decision, memory: { ...step.memory, recentWishes: [] } };
  }
  const { podCount } = step.decision;
  // A wish behind a higher and newer one can never be the maximum again, so the list stays short.
  const alive = step.memory.recentWishes.filter(
    (wish) => nowMs - wish.atMs < spec.scaleDownDelayMs && wish.podCount > podCount,
  );
  const recentWishes = [...alive, { atMs: nowMs, podCount }];
  const held = recentWishes[0]?.podCount ?? podCount;
  const decision =
    held > podCount
      ? { ...step.decision, podCount: held, reason: `${step.decision.reason}; delay keeps ${held}` }
      : step.decision;
  return { decision, memory: { ...step.memory, recentWishes } };
}

/** Until the initial scale was reached once, at least that many; an unreachable revision has no such right. */
const keepUntilInitialized: Rule = (decision, spec, observation) => {
  if (observation.isInitialized || !spec.isReachable || decision.podCount >= spec.podCountInitial) return decision;
  return { ...decision, podCount: spec.podCountInitial, reason: `initial scale is ${spec.podCountInitial}` };
};

/** The last pod goes only after the stable window and the grace without a request, if it may go at all. */
const keepLastPod: Rule = (decision, spec, observation) => {
  if (decision.podCount > 0) return decision;
  if (!spec.canScaleToZero) return { ...decision, podCount: 1, reason: "scale to zero is disabled" };
  if (observation.podCountCurrent === 0 && observation.outstanding === 0) return decision;
  if (observation.outstanding > 0) return { ...decision, podCount: 1, reason: "requests are outstanding" };
  const quietMs = Math.min(observation.idleMs, observation.activeMs);
  const neededMs = spec.isReachable ? spec.stableWindowMs + spec.scaleToZeroGraceMs : spec.stableWindowMs;
  if (quietMs >= neededMs) return { ...decision, reason: `no request for ${Math.round(quietMs / 1000)} s` };
  return { ...decision, podCount: 1, reason: `last pod stays for ${Math.ceil((neededMs - quietMs) / 1000)} s more` };
};

/** No pod became ready in time: stop trying until the next request. */
const giveUpActivation: Rule = (decision, spec, observation) => {
  const isOverdue = observation.activatingMs >= spec.progressDeadlineMs + activationBufferMs;
  if (!isOverdue || observation.podCountReady > 0) return decision;
  return { ...decision, podCount: 0, reason: "no pod became ready before the progress deadline" };
};

/** A missing report is never a zero. */
const keepWhileIncomplete: Rule = (decision, _spec, observation) => {
  if (observation.isComplete || decision.podCount >= observation.podCountCurrent) return decision;
  return { ...decision, podCount: observation.podCountCurrent, reason: "an activator is not reporting" };
};

const clampToBounds: Rule = (decision, spec) => {
  const lowest = spec.isReachable ? spec.podCountMin : 0;
  const highest = spec.podCountMax === 0 ? Number.MAX_SAFE_INTEGER : spec.podCountMax;
  const podCount = Math.min(Math.max(decision.podCount, lowest), highest);
  if (podCount === decision.podCount) return decision;
  const bound = podCount === highest ? `max-scale ${highest}` : `min-scale ${lowest}`;
  return { ...decision, podCount, reason: `${decision.reason}; ${bound}` };
};

function describeLoad(spec: ScaleSpec, observation: ScaleObservation): string {
  const stable = stableLoadOf(observation).toFixed(2);
  const panic = panicLoadOf(observation).toFixed(2);
  return `${spec.metric} ${stable} (panic window ${panic}) at ${spec.targetPerPod} a pod`;
}
