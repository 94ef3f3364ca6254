import type { Node, Pod } from "@kelvin/kube";

export type Taint = NonNullable<NonNullable<Node["spec"]>["taints"]>[number];
type Toleration = NonNullable<NonNullable<Pod["spec"]>["tolerations"]>[number];

export function isTolerated(pod: Pod, taint: Taint): boolean {
  return tolerationsOf(pod, taint).length > 0;
}

/** The tolerations of the pod that speak of this taint. */
export function tolerationsOf(pod: Pod, taint: Taint): Toleration[] {
  return (pod.spec?.tolerations ?? []).filter(({ key = "", operator = "Equal", value = "", effect = "" }) => {
    if (effect !== "" && effect !== taint.effect) return false;
    if (key === "") return operator === "Exists";
    return key === taint.key && (operator === "Exists" || value === (taint.value ?? ""));
  });
}
