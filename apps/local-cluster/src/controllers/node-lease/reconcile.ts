import { keyOf, type KubeClient, type Lease, Node, type ObjectKey, Pod } from "@kelvin/kube";
import { type EventRecorder, type Outcome, requeueAfter } from "@kelvin/controller";
import { replaceCondition, timestamp } from "../conditions.ts";
import { isNodeReady } from "../scheduler/fit.ts";
import { isPodReady } from "../pods.ts";

export const leaseNamespace = "kube-node-lease";
/** A node whose Lease was not renewed for so long is taken to be gone. */
const graceMs = 40_000;

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

/** Marks a node whose Lease is stale, and its pods, not ready. The node's agent takes that back when it returns. */
export async function reconcileNodeLease(node: Node, deps: NodeLeaseDeps): Promise<Outcome> {
  const name = node.metadata.name ?? "";
  const renewTime = deps.lease({ namespace: leaseNamespace, name })?.spec?.renewTime;
  const silentMs = deps.renewals.seen(name, renewTime);
  if (silentMs < graceMs) return requeueAfter(graceMs - silentMs);

  const now = timestamp(deps.clock.now());
  if (isNodeReady(node)) {
    const condition = {
      type: "Ready",
      status: "Unknown",
      reason: "NodeStatusUnknown",
      message: "Kubelet stopped posting node status.",
      lastTransitionTime: now,
    };
    const conditions = replaceCondition(node.status?.conditions ?? [], condition);
    node.status = { ...node.status, conditions: [...conditions] };
    deps.recorder.normal(node, "NodeNotReady", `Node ${name} status is now: NodeNotReady`);
  }
  await Promise.all(
    deps
      .podsOn(name)
      .filter(isPodReady)
      .map((pod) => markNotReady(pod, now, deps)),
  );
  return requeueAfter(graceMs);
}

async function markNotReady(pod: Pod, now: string, { kube, recorder }: NodeLeaseDeps): Promise<void> {
  const condition = { type: "Ready", status: "False", reason: "NodeNotReady", lastTransitionTime: now };
  const conditions = replaceCondition(pod.status?.conditions ?? [], condition);
  const { uid, resourceVersion } = pod.metadata;
  const body = { metadata: { uid, resourceVersion }, status: { conditions } };
  await kube.patch(Pod, keyOf(pod), { type: "merge", body }, { subresource: "status" });
  recorder.warning(pod, "NodeNotReady", "Node is not ready");
}
