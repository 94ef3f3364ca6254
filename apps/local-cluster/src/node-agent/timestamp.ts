import type { Clock } from "@kelvin/kube";

/** Now, as Kubernetes writes times: RFC 3339 in whole seconds. */
export function timestampOf(clock: Clock): string {
  return clock
    .now()
    .toISOString()
    .replace(/\.\d+Z$/, "Z");
}
