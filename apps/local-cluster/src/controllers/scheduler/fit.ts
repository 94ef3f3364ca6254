import type { Node, Pod } from "@kelvin/kube";
import { isNodeSelected } from "./node-selection.ts";
import { parseQuantity } from "./quantity.ts";

/** What a pod asks of a node, or what pods together hold of one. CPU in cores, memory in bytes. */
export interface Resources {
  readonly cpu: number;
  readonly memory: number;
  readonly pods: number;
}

export const noResources: Resources = { cpu: 0, memory: 0, pods: 0 };
const podsMaxDefault = 110;

/** What the pod asks for: the sum of its containers, or its largest init container if that is more, and its overhead. */
export function requestsOf(pod: Pod): Resources {
  const { containers = [], initContainers = [], overhead } = pod.spec ?? {};
  const sidecars = initContainers.filter(({ restartPolicy }) => restartPolicy === "Always");
  const running = [...containers, ...sidecars].map(({ resources }) => resources?.requests ?? resources?.limits);
  const starting = initContainers.map(({ resources }) => resources?.requests ?? resources?.limits);
  const total = (name: string): number => {
    const atOnce = running.reduce((sum, requests) => sum + amount(requests, name), 0);
    return Math.max(atOnce, ...starting.map((requests) => amount(requests, name))) + amount(overhead, name);
  };
  return { cpu: total("cpu"), memory: total("memory"), pods: 1 };
}

function amount(quantities: Record<string, string> | undefined, name: string): number {
  const text = quantities?.[name];
  return text === undefined ? 0 : parseQuantity(text);
}

export function addResources(a: Resources, b: Resources): Resources {
  return { cpu: a.cpu + b.cpu, memory: a.memory + b.memory, pods: a.pods + b.pods };
}

/** Why the pod cannot run on the node, in Kubernetes' words; empty when it can. */
export function decideMisfits(pod: Pod, node: Node, used: Resources): string[] {
  if (node.spec?.unschedulable === true) return ["node(s) were unschedulable"];
  if (!isNodeReady(node)) return ["node(s) were not ready"];
  const taint = node.spec?.taints?.find(
    (candidate) => candidate.effect !== "PreferNoSchedule" && !isTolerated(pod, candidate),
  );
  if (taint !== undefined) return [`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ""}}`];
  if (!isNodeSelected(pod, node)) return ["node(s) didn't match Pod's node affinity/selector"];
  return decideShortages(requestsOf(pod), used, node.status?.allocatable);
}

function decideShortages(own: Resources, used: Resources, allocatable: Record<string, string> | undefined): string[] {
  const asked = addResources(own, used);
  const podsMax = allocatable?.["pods"] === undefined ? podsMaxDefault : amount(allocatable, "pods");
  const misfits: string[] = [];
  if (asked.pods > podsMax) misfits.push("Too many pods");
  if (own.cpu > 0 && asked.cpu > amount(allocatable, "cpu")) misfits.push("Insufficient cpu");
  if (own.memory > 0 && asked.memory > amount(allocatable, "memory")) misfits.push("Insufficient memory");
  return misfits;
}

export function isNodeReady(node: Node): boolean {
  return node.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;
}

type Taint = NonNullable<NonNullable<Node["spec"]>["taints"]>[number];

function isTolerated(pod: Pod, taint: Taint): boolean {
  return (pod.spec?.tolerations ?? []).some(({ key = "", operator = "Equal", value = "", effect = "" }) => {
    if (effect !== "" && effect !== taint.effect) return false;
    if (key === "") return operator === "Exists";
    return key === taint.key && (operator === "Exists" || value === (taint.value ?? ""));
  });
}

/** The sentence for a pod that fits nowhere: how many nodes there are, and how many refuse it for each reason. */
export function unschedulableMessage(nodeCount: number, misfits: readonly (readonly string[])[]): string {
  if (nodeCount === 0) return "no nodes available to schedule pods";
  const counts = new Map<string, number>();
  for (const reason of misfits.flat()) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const texts = [...counts].map(([reason, count]) => `${count} ${reason}`).sort();
  return `0/${nodeCount} nodes are available: ${texts.join(", ")}.`;
}
