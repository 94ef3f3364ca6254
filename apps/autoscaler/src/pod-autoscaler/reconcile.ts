import type { PodAutoscaler } from "@kelvin/api/autoscaling/v1alpha1";
import { initializePodAutoscaler } from "@kelvin/api/autoscaling/v1alpha1";
import { requeueAfter, waitForEvent, type Outcome } from "@kelvin/controller";
import type { Clock, Deployment, Informer, KubeClient, Pod } from "@kelvin/kube";
import type { ActivatorClient } from "../activators/activator-client.ts";
import type { ActivatorEndpoint } from "../activators/activator-directory.ts";
import { decideScale } from "../decider/decide.ts";
import type { ReportLedger } from "../reports/report-ledger.ts";
import { observe } from "./observe.ts";
import { isServing } from "./revision-pods.ts";
import type { ScaleBook } from "./scale-book.ts";
import { applyScale, type ScaleResult } from "./scale.ts";
import { isOurs, parseScaleSpec, type ScaleConfig } from "./parse-scale-spec.ts";
import { propagateScale } from "./status.ts";

/** How often a revision with pods is looked at without anything having changed: averages move with time. */
const lookAgainMs = 1000;
const lookAgainDrainingMs = 200;

/** What the reconcile of a PodAutoscaler uses. */
export interface PodAutoscalerDeps {
  readonly kube: Pick<KubeClient, "patch">;
  readonly clock: Clock;
  readonly config: () => ScaleConfig;
  readonly deployments: Pick<Informer<Deployment>, "get">;
  /** Pods of a revision, by `namespace/revision`. */
  readonly podsOf: (key: string) => readonly Pod[];
  readonly activators: () => readonly ActivatorEndpoint[];
  readonly client: ActivatorClient;
  readonly ledger: ReportLedger;
  readonly book: ScaleBook;
}

/**
 * One look at one revision: reads its load, decides, moves the Deployment's scale, tells in the status.
 * Level-based: every look starts from what is known now. It comes at each change, at each first request at zero, and every
 * second while there are pods.
 */
export async function reconcilePodAutoscaler(podAutoscaler: PodAutoscaler, deps: PodAutoscalerDeps): Promise<Outcome> {
  if (!isOurs(podAutoscaler)) return waitForEvent;
  const { namespace = "", name = "" } = podAutoscaler.metadata;
  const deployment = deps.deployments.get({ namespace, name: podAutoscaler.spec.scaleTargetRef?.name ?? "" });
  if (deployment === undefined) return waitForEvent;

  const key = `${namespace}/${name}`;
  const spec = parseScaleSpec(podAutoscaler, deps.config());
  deps.ledger.ensureWindow(key, spec.stableWindowMs);
  const load = deps.ledger.load(key);
  const pods = deps.podsOf(key);
  const activators = deps.activators();
  const now = deps.clock.now();
  const nowMs = deps.clock.monotonicMs();
  const podCountServing = pods.filter((pod) => isServing(pod, load)).length;
  const podCountCurrent = deployment.spec?.replicas ?? 1;
  const isComplete = activators.length > 0 && activators.every((activator) => deps.ledger.isStreaming(activator.name));

  const entry = deps.book.entry(key, { nowMs, podCountReady: podCountServing });
  const facts = { podCountServing, podCountCurrent, isComplete, now, nowMs };
  const observation = observe(podAutoscaler, { spec, load, entry }, facts);
  const { decision, memory } = decideScale(spec, observation, { memory: entry.memory, nowMs });
  entry.memory = memory;
  entry.explained = { at: now.toISOString(), decision, observation };

  const order = {
    namespace,
    revision: name,
    deployment: deployment.metadata.name ?? "",
    podCountCurrent,
    podCountServing,
    pods,
    load,
  };
  const result = await applyScale({ ...order, podCount: decision.podCount }, entry, { ...deps, activators, nowMs });
  const podCount = result === "settled" ? decision.podCount : podCountCurrent;
  propagateScale(initializePodAutoscaler(podAutoscaler, now), { spec, podCount, podCountServing }, now);
  return nextLook(result, podCount + pods.length + observation.outstanding > 0);
}

function nextLook(result: ScaleResult, isAwake: boolean): Outcome {
  if (result === "draining") return requeueAfter(lookAgainDrainingMs);
  return isAwake ? requeueAfter(lookAgainMs) : waitForEvent;
}
