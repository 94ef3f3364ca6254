import { Deployment, NotFoundError, Pod, type KubeClient } from "@kelvin/kube";
import type { ActivatorClient } from "../activators/activator-client.ts";
import type { ActivatorEndpoint } from "../activators/activator-directory.ts";
import { cordonPods, holdRevision, uncordonPods } from "../activators/drain.ts";
import type { RevisionLoad } from "../reports/report-ledger.ts";
import { deletionCostAnnotation, pickVictims } from "./revision-pods.ts";
import type { ScaleEntry } from "./scale-book.ts";

/** How long pods are waited for to become empty before they are deleted all the same; `preStop` and the grace cover the rest. */
const drainMsMax = 60_000;
/** Lower than any cost a user would set by hand. */
const victimCost = "-1000000";

/** What changing a scale needs. */
export interface ScaleDeps {
  readonly kube: Pick<KubeClient, "patch">;
  readonly client: ActivatorClient;
  readonly activators: readonly ActivatorEndpoint[];
  readonly nowMs: number;
}

/** One Deployment and where it should go. */
export interface ScaleOrder {
  readonly namespace: string;
  readonly revision: string;
  readonly deployment: string;
  readonly podCountCurrent: number;
  readonly podCount: number;
  readonly podCountServing: number;
  readonly pods: readonly Pod[];
  readonly load: RevisionLoad;
}

/** Done, or not yet: then the next look should come soon. */
export type ScaleResult = "settled" | "draining" | "refused";

/**
 * Brings the Deployment to the wanted count. Up: at once. Down: only pods that the activators have emptied, or that had their
 * time. To zero: only when every activator holds the revision. Idempotent; a crash between two steps leaves pods cordoned
 * for as long as the activators' bound, no longer.
 */
export async function applyScale(order: ScaleOrder, entry: ScaleEntry, deps: ScaleDeps): Promise<ScaleResult> {
  if (order.podCount >= order.podCountCurrent) {
    await cancelDrain(order, entry, deps);
    if (order.podCount > order.podCountCurrent) await setReplicas(order, deps);
    return "settled";
  }
  return order.podCount === 0 ? await scaleToZero(order, entry, deps) : await scaleIn(order, entry, deps);
}

async function scaleToZero(order: ScaleOrder, entry: ScaleEntry, deps: ScaleDeps): Promise<ScaleResult> {
  // Nothing serves (a failed activation): nobody can be cut off, and waiting requests would never let it be held.
  if (order.podCountServing > 0 && !(await holdRevision(order, deps))) return "refused";
  entry.drain = undefined;
  await setReplicas(order, deps);
  return "settled";
}

async function scaleIn(order: ScaleOrder, entry: ScaleEntry, deps: ScaleDeps): Promise<ScaleResult> {
  const wanted = order.podCountCurrent - order.podCount;
  const names = new Set(order.pods.map((pod) => pod.metadata.name));
  const kept = entry.drain?.pods.filter((pod) => names.has(pod)) ?? [];
  if (entry.drain === undefined || kept.length !== wanted) {
    const pods = pickVictims(order.pods, wanted, order.load);
    await cancelDrain(order, { drain: without(entry.drain, pods) }, deps);
    entry.drain = { pods, sinceMs: entry.drain?.sinceMs ?? deps.nowMs };
  }
  const { pods, sinceMs } = entry.drain;
  const inFlight = await cordonPods({ ...order, pods: [...pods] }, deps);
  if (inFlight > 0 && deps.nowMs - sinceMs < drainMsMax) return "draining";
  await Promise.all(pods.map((pod) => markVictim(order.namespace, pod, deps)));
  await setReplicas(order, deps);
  entry.drain = undefined;
  return "settled";
}

function without(drain: ScaleEntry["drain"], pods: readonly string[]): ScaleEntry["drain"] {
  return drain === undefined ? undefined : { ...drain, pods: drain.pods.filter((pod) => !pods.includes(pod)) };
}

async function cancelDrain(order: ScaleOrder, entry: Pick<ScaleEntry, "drain">, deps: ScaleDeps): Promise<void> {
  if (entry.drain === undefined) return;
  const { pods } = entry.drain;
  entry.drain = undefined;
  if (pods.length > 0) await uncordonPods({ ...order, pods: [...pods] }, deps);
}

async function markVictim(namespace: string, name: string, { kube }: ScaleDeps): Promise<void> {
  const body = { metadata: { annotations: { [deletionCostAnnotation]: victimCost } } };
  try {
    await kube.patch(Pod, { namespace, name }, { type: "merge", body });
  } catch (error) {
    // Gone already: one less to delete, and the ReplicaSet counts for itself.
    if (!(error instanceof NotFoundError)) throw error;
  }
}

async function setReplicas({ namespace, deployment, podCount }: ScaleOrder, { kube }: ScaleDeps): Promise<void> {
  const body = { spec: { replicas: podCount } };
  await kube.patch(Deployment, { namespace, name: deployment }, { type: "merge", body }, { subresource: "scale" });
}
