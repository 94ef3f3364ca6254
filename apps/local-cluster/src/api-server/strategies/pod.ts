import type { ApiObject } from "../api-object.ts";
import { ensureRecord, numberAt, recordAt, recordsAt, stringAt } from "../api-object.ts";
import type { Strategy } from "../resource.ts";
import { defaultPodSpec } from "./pod-defaults.ts";
import { validatePodSpec, validatePodUpdate } from "./pod-validation.ts";

/** Pods: defaults, a fixed spec, and deletion that waits for the node agent to have stopped the containers. */
export const podStrategy: Strategy = {
  nameRule: "subdomain",
  hasGeneration: true,
  allowsUnconditionalUpdate: true,
  decode(pod) {
    const spec = ensureRecord(pod, "spec");
    defaultPodSpec(spec);
    spec["enableServiceLinks"] ??= true;
  },
  prepareCreate(pod) {
    pod["status"] = { phase: "Pending", qosClass: qosClassOf(pod), ...gatedStatus(pod) };
  },
  validate: (pod, old) => [
    ...validatePodSpec(recordAt(pod, "spec"), "spec"),
    ...(old === undefined ? [] : validatePodUpdate(pod, old)),
  ],
  graceSeconds: podGraceSeconds,
  fieldLabels: {
    "spec.nodeName": (pod) => stringAt(pod, "spec", "nodeName"),
    "spec.host": (pod) => stringAt(pod, "spec", "nodeName"),
    "spec.restartPolicy": (pod) => stringAt(pod, "spec", "restartPolicy"),
    "spec.schedulerName": (pod) => stringAt(pod, "spec", "schedulerName"),
    "spec.serviceAccountName": (pod) => stringAt(pod, "spec", "serviceAccountName"),
    "spec.hostNetwork": (pod) => String(recordAt(pod, "spec")["hostNetwork"] === true),
    "status.phase": (pod) => stringAt(pod, "status", "phase"),
    "status.podIP": (pod) => stringAt(pod, "status", "podIP"),
    "status.podIPs": (pod) => stringAt(pod, "status", "podIP"),
    "status.nominatedNodeName": (pod) => stringAt(pod, "status", "nominatedNodeName"),
  },
};

/** A Pod with scheduling gates says from the beginning why no node is looked for. */
function gatedStatus(pod: ApiObject): object {
  if (recordsAt(pod, "spec", "schedulingGates").length === 0) return {};
  const message = "Scheduling is blocked due to non-empty scheduling gates";
  return { conditions: [{ type: "PodScheduled", status: "False", reason: "SchedulingGated", message }] };
}

/** The asked grace, or the Pod's own. A Pod that no node runs needs none. */
export function podGraceSeconds(pod: ApiObject, asked: number | undefined): number {
  const phase = stringAt(pod, "status", "phase");
  if (stringAt(pod, "spec", "nodeName") === "" || phase === "Succeeded" || phase === "Failed") return 0;
  const seconds = asked ?? numberAt(pod, "spec", "terminationGracePeriodSeconds") ?? 30;
  return seconds < 0 ? 1 : seconds;
}

function qosClassOf(pod: ApiObject): string {
  const containers = [...recordsAt(pod, "spec", "containers"), ...recordsAt(pod, "spec", "initContainers")];
  const resources = containers.map((container) => recordAt(container, "resources"));
  const isAnySet = resources.some(
    ({ limits, requests }) => Object.keys(recordAt(limits)).length + Object.keys(recordAt(requests)).length > 0,
  );
  if (!isAnySet) return "BestEffort";
  const isGuaranteed = resources.every(({ limits, requests }) =>
    ["cpu", "memory"].every((name) => {
      const limit = recordAt(limits)[name];
      return limit !== undefined && limit === (recordAt(requests)[name] ?? limit);
    }),
  );
  return isGuaranteed ? "Guaranteed" : "Burstable";
}
