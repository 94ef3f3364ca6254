import { isSemanticallyEqual, keyOf, type KubeClient, type Lease, Node, type ObjectKey, Pod } from "@kelvin/kube";
import { type EventRecorder, type Outcome, requeueAfter } from "@kelvin/controller";
import { replaceCondition, timestamp } from "../conditions.ts";
import { isNodeReady } from "../scheduler/fit.ts";
import { markDisrupted } from "../disruption.ts";
import { isBeingDeleted } from "../ownership.ts";
import { isPodReady, isPodTerminal } from "../pods.ts";
import { decideTaints, stayMs } from "./taints.ts";

export const leaseNamespace = "kube-node-lease";
/** A node whose Lease was not renewed for so long is taken to be gone. */
const graceMs = 40_000;
/** How often a node that is lost is looked at again. */
const checkMs = 20_000;

export interface NodeLeaseDeps {
  readonly kube: KubeClient;
  readonly clock: { now(): Date; monotonicMs(): number };
  readonly recorder: EventRecorder;
  readonly lease: (key: ObjectKey) => Lease | undefined;
  readonly podsOn: (nodeName: string) => readonly Pod[];
  readonly renewals: Renewals;
}

/**
 * When we last saw each node's Lease change, on our own clock: the node's clock does not count, and a laptop that slept
 * does not find its node lost.
 */
export interface Renewals {
  /** How long ago the Lease was last seen to change; 0 when this is a change. */
  seen(nodeName: string, renewTime: string | undefined): number;
  forget(nodeName: string): void;
}

export function openRenewals(monotonicMs: () => number): Renewals {
  const latest = new Map<string, { renewTime: string | undefined; atMs: number }>();
  return {
    seen(nodeName, renewTime) {
      const known = latest.get(nodeName);
      if (known !== undefined && known.renewTime === renewTime) return monotonicMs() - known.atMs;
      latest.set(nodeName, { renewTime, atMs: monotonicMs() });
      return 0;
    },
    forget: (nodeName) => latest.delete(nodeName),
  };
}

/**
 * Marks a node whose Lease is stale, and its pods, not ready; keeps new pods away by taints, and in the end gives up those
 * that run there. The node's agent takes back the first when it returns, this controller the taints.
 */
export async function reconcileNodeLease(node: Node, deps: NodeLeaseDeps): Promise<Outcome> {
  const name = node.metadata.name ?? "";
  const renewTime = deps.lease({ namespace: leaseNamespace, name })?.spec?.renewTime;
  const silentMs = deps.renewals.seen(name, renewTime);
  const isSilent = silentMs >= graceMs;
  if (isSilent && isNodeReady(node)) declareLost(node, deps);
  await ensureTaints(node, deps);
  if (!isSilent) return requeueAfter(graceMs - silentMs);

  const now = timestamp(deps.clock.now());
  const pods = deps.podsOn(name);
  await Promise.all(pods.filter(isPodReady).map((pod) => markNotReady(pod, now, deps)));
  await Promise.all(pods.filter((pod) => isGivenUp(pod, silentMs - graceMs)).map((pod) => evict(pod, deps)));
  return requeueAfter(checkMs);
}

function declareLost(node: Node, { clock, recorder }: NodeLeaseDeps): void {
  const condition = {
    type: "Ready",
    status: "Unknown",
    reason: "NodeStatusUnknown",
    message: "Kubelet stopped posting node status.",
    lastTransitionTime: timestamp(clock.now()),
  };
  const conditions = replaceCondition(node.status?.conditions ?? [], condition);
  node.status = { ...node.status, conditions: [...conditions] };
  const name = node.metadata.name ?? "";
  recorder.normal(node, "NodeNotReady", `Node ${name} status is now: NodeNotReady`);
}

async function ensureTaints(node: Node, { kube, clock }: NodeLeaseDeps): Promise<void> {
  const taints = decideTaints(node, timestamp(clock.now()));
  if (isSemanticallyEqual(taints, node.spec?.taints ?? [])) return;
  const { uid, resourceVersion } = node.metadata;
  const body = { metadata: { uid, resourceVersion }, spec: { taints: taints.length === 0 ? null : taints } };
  const written = await kube.patch(Node, keyOf(node), { type: "merge", body });
  // The status is written onto this version at the end of the pass.
  node.metadata = written.metadata;
  if (written.spec !== undefined) node.spec = written.spec;
}

function isGivenUp(pod: Pod, lostMs: number): boolean {
  const stay = stayMs(pod);
  return stay !== undefined && lostMs >= stay && !isBeingDeleted(pod) && !isPodTerminal(pod);
}

async function evict(pod: Pod, deps: NodeLeaseDeps): Promise<void> {
  const message = "Taint manager: deleting due to NoExecute taint";
  await markDisrupted(pod, { reason: "DeletionByTaintManager", message, isOver: false }, deps);
  const { uid, namespace = "", name = "" } = pod.metadata;
  await deps.kube.delete(Pod, keyOf(pod), { ...(uid !== undefined && { preconditions: { uid } }) });
  deps.recorder.normal(pod, "TaintManagerEviction", `Marking for deletion Pod ${namespace}/${name}`);
}

async function markNotReady(pod: Pod, now: string, { kube, recorder }: NodeLeaseDeps): Promise<void> {
  const condition = { type: "Ready", status: "False", reason: "NodeNotReady", lastTransitionTime: now };
  const conditions = replaceCondition(pod.status?.conditions ?? [], condition);
  const { uid, resourceVersion } = pod.metadata;
  const body = { metadata: { uid, resourceVersion }, status: { conditions } };
  await kube.patch(Pod, keyOf(pod), { type: "merge", body }, { subresource: "status" });
  recorder.warning(pod, "NodeNotReady", "Node is not ready");
}
