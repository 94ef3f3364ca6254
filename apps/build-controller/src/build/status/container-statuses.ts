import type { Pod } from "@kelvin/kube";
import type { ContainerStatus } from "../resources/pod-types.ts";

/** Init containers, in order, then the others. */
export function containerStatuses(pod: Pod): ContainerStatus[] {
  return [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
}
