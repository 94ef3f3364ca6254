import type { Pod } from "@kelvin/kube";
import { hasEnded } from "./pod-restore.ts";

/** Why the node ends a Pod that would run on. Its phase is then Failed, whatever its containers say. */
export interface PodDoom {
  readonly reason: "DeadlineExceeded" | "Evicted";
  readonly message: string;
  /** What its containers get to end; undefined for what the Pod asks for. */
  readonly graceMs?: number;
}

const DEADLINE: PodDoom = {
  reason: "DeadlineExceeded",
  message: "Pod was active on the node longer than the specified deadline",
};

/** How much longer a Pod may be active, by its activeDeadlineSeconds; 0 and less when it is over. */
export function remainingMs(pod: Pod, startTime: string, nowMs: number): number {
  const seconds = pod.spec?.activeDeadlineSeconds;
  if (seconds === undefined || hasEnded(pod)) return Infinity;
  return Date.parse(startTime) + seconds * 1000 - nowMs;
}

/** The end of a Pod that has outlived its deadline. */
export function doomByDeadline(pod: Pod, startTime: string, nowMs: number): PodDoom | undefined {
  return remainingMs(pod, startTime, nowMs) <= 0 ? DEADLINE : undefined;
}
