import type { Node, Pod } from "@kelvin/kube";
import { type Taint, tolerationsOf } from "../scheduler/tolerations.ts";

const notReady = "node.kubernetes.io/not-ready";
const unreachable = "node.kubernetes.io/unreachable";
/** How long a pod that says nothing stays on a node that is lost; Kubernetes writes this into each pod. */
const tolerationSecondsDefault = 300;

/** The node's taints as its readiness wants them: ours replaced, those of others kept. */
export function decideTaints({ spec, status }: Node, now: string): Taint[] {
  const ready = status?.conditions?.find(({ type }) => type === "Ready")?.status;
  const key = ready === "Unknown" ? unreachable : notReady;
  const current = spec?.taints ?? [];
  const others = current.filter((taint) => taint.key !== notReady && taint.key !== unreachable);
  if (ready !== "Unknown" && ready !== "False") return others;
  const wanted = ["NoSchedule", "NoExecute"].map(
    (effect): Taint =>
      current.find((taint) => taint.key === key && taint.effect === effect) ?? { key, effect, timeAdded: now },
  );
  return [...others, ...wanted];
}

/** How long the pod stays on a node that nobody hears from: undefined when for ever. */
export function stayMs(pod: Pod): number | undefined {
  const tolerations = tolerationsOf(pod, { key: unreachable, effect: "NoExecute" });
  if (tolerations.length === 0) return tolerationSecondsDefault * 1000;
  const limits = tolerations.flatMap(({ tolerationSeconds }) => tolerationSeconds ?? []);
  return limits.length === 0 ? undefined : Math.max(0, Math.min(...limits)) * 1000;
}
