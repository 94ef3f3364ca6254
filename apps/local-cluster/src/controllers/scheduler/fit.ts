import type { Node, Pod } from "@kelvin/kube";
import { amountOf, type Demand, demandOf, type HostPort } from "./demand.ts";
import { isNodeSelected } from "./node-selection.ts";
import { isTolerated, type Taint } from "./tolerations.ts";

const podsMaxDefault = 110;
const unschedulableTaint: Taint = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" };

/** Why a node will not do, in Kubernetes' words. */
export interface Misfit {
  readonly reason: string;
  /** Whether it would do if other pods left. */
  readonly isShortage: boolean;
}

/** Why the pod cannot run on the node: the first rule that it breaks, or everything of which there is too little. */
export function decideMisfits(pod: Pod, node: Node, used: Demand): Misfit[] {
  const rule = brokenRule(pod, node);
  if (rule !== undefined) return [{ reason: rule, isShortage: false }];
  const own = demandOf(pod);
  if (own.hostPorts.some((port) => used.hostPorts.some((taken) => conflicts(port, taken)))) {
    return [{ reason: "node(s) didn't have free ports for the requested pod ports", isShortage: true }];
  }
  return shortages(own, used, node.status?.allocatable).map((reason) => ({ reason, isShortage: true }));
}

function brokenRule(pod: Pod, node: Node): string | undefined {
  if (node.spec?.unschedulable === true && !isTolerated(pod, unschedulableTaint)) return "node(s) were unschedulable";
  const taint = node.spec?.taints?.find(({ effect, ...rest }) => {
    return effect !== "PreferNoSchedule" && !isTolerated(pod, { effect, ...rest });
  });
  if (taint !== undefined) return `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ""}}`;
  if (!isNodeReady(node)) return "node(s) were not ready";
  return isNodeSelected(pod, node) ? undefined : "node(s) didn't match Pod's node affinity/selector";
}

/** The same port on the same address; no address means all of them. */
function conflicts(a: HostPort, b: HostPort): boolean {
  const isAny = (ip: string): boolean => ip === "" || ip === "0.0.0.0";
  return a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || isAny(a.ip) || isAny(b.ip));
}

function shortages(own: Demand, used: Demand, allocatable: Record<string, string> | undefined): string[] {
  return Object.entries(own.amounts).flatMap(([name, asked]) => {
    const preset = name === "pods" ? podsMaxDefault : 0;
    const quantity = allocatable?.[name];
    const room = (quantity === undefined ? preset : amountOf(name, quantity)) - (used.amounts[name] ?? 0);
    if (asked === 0 || asked <= room) return [];
    return [name === "pods" ? "Too many pods" : `Insufficient ${name}`];
  });
}

export function isNodeReady(node: Node): boolean {
  return node.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;
}

/**
 * The sentence for a pod that fits nowhere: how many nodes there are, how many refuse it for each reason, and that nobody is
 * sent away for it.
 */
export function unschedulableMessage(misfits: readonly (readonly Misfit[])[]): string {
  const nodeCount = misfits.length;
  if (nodeCount === 0) return "no nodes available to schedule pods";
  const because = countReasons(misfits.flat().map(({ reason }) => reason));
  const preemption = countReasons(
    misfits.map((reasons) =>
      reasons.some(({ isShortage }) => isShortage)
        ? "No preemption victims found for incoming pod"
        : "Preemption is not helpful for scheduling",
    ),
  );
  const none = `0/${nodeCount} nodes are available`;
  return `${none}: ${because}. preemption: ${none}: ${preemption}.`;
}

function countReasons(reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort()
    .join(", ");
}
