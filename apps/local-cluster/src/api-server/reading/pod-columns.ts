import type { ApiObject, JsonObject } from "../api-object.ts";
import { listAt, numberAt, recordAt, recordsAt, stringAt } from "../api-object.ts";
import type { Column } from "../resource.ts";
import { ageColumn, ageText, nameColumn } from "./columns.ts";

const none = "<none>";

export const podColumns: readonly Column[] = [
  nameColumn,
  { name: "Ready", type: "string", cell: readyText },
  { name: "Status", type: "string", cell: podStatusText },
  { name: "Restarts", type: "string", cell: restartsText },
  ageColumn,
  { name: "IP", type: "string", priority: 1, cell: (pod) => stringAt(pod, "status", "podIP") || none },
  { name: "Node", type: "string", priority: 1, cell: (pod) => stringAt(pod, "spec", "nodeName") || none },
  {
    name: "Nominated Node",
    type: "string",
    priority: 1,
    cell: (pod) => stringAt(pod, "status", "nominatedNodeName") || none,
  },
  { name: "Readiness Gates", type: "string", priority: 1, cell: readinessGatesText },
];

function statuses(pod: ApiObject): JsonObject[] {
  return recordsAt(pod, "status", "containerStatuses");
}

function readyText(pod: ApiObject): string {
  const sidecars = recordsAt(pod, "spec", "initContainers").filter(({ restartPolicy }) => restartPolicy === "Always");
  const sidecarStatuses = recordsAt(pod, "status", "initContainerStatuses").filter((status) =>
    sidecars.some(({ name }) => name === status["name"]),
  );
  const ready = [...sidecarStatuses, ...statuses(pod)].filter(
    (status) => status["ready"] === true && recordAt(status, "state")["running"] !== undefined,
  );
  return `${ready.length}/${sidecars.length + listAt(pod, "spec", "containers").length}`;
}

function restartsText(pod: ApiObject, now: Date): string {
  const restarts = statuses(pod).reduce((sum, status) => sum + (numberAt(status, "restartCount") ?? 0), 0);
  const ends = statuses(pod)
    .map((status) => stringAt(status, "lastState", "terminated", "finishedAt"))
    .filter((end) => end !== "");
  const last = ends.sort().at(-1);
  return restarts === 0 || last === undefined ? String(restarts) : `${restarts} (${ageText(last, now)} ago)`;
}

function readinessGatesText(pod: ApiObject): string {
  const gates = recordsAt(pod, "spec", "readinessGates").map((gate) => stringAt(gate, "conditionType"));
  if (gates.length === 0) return none;
  const conditions = recordsAt(pod, "status", "conditions");
  const met = gates.filter((gate) => conditions.some(({ type, status }) => type === gate && status === "True"));
  return `${met.length}/${gates.length}`;
}

/** The STATUS column: the phase, unless a container or the end of the Pod has more to say. */
export function podStatusText(pod: ApiObject): string {
  const initial = initText(pod);
  const text = initial ?? containerText(pod) ?? (stringAt(pod, "status", "reason") || stringAt(pod, "status", "phase"));
  if (pod.metadata.deletionTimestamp === undefined) return text;
  const phase = stringAt(pod, "status", "phase");
  return phase === "Succeeded" || phase === "Failed" ? text : "Terminating";
}

function initText(pod: ApiObject): string | undefined {
  const initStatuses = recordsAt(pod, "status", "initContainerStatuses");
  const total = listAt(pod, "spec", "initContainers").length;
  for (const [index, status] of initStatuses.entries()) {
    const { waiting, terminated } = recordAt(status, "state");
    if (terminated !== undefined && (numberAt(terminated, "exitCode") ?? 0) === 0) continue;
    if (status["started"] === true && status["ready"] === true) continue;
    if (terminated !== undefined) return `Init:${endText(terminated)}`;
    const reason = stringAt(waiting, "reason");
    return reason !== "" && reason !== "PodInitializing" ? `Init:${reason}` : `Init:${index}/${total}`;
  }
  return undefined;
}

function containerText(pod: ApiObject): string | undefined {
  let text: string | undefined;
  let isAnyRunning = false;
  for (const status of statuses(pod).toReversed()) {
    const { waiting, terminated, running } = recordAt(status, "state");
    if (stringAt(waiting, "reason") !== "") text = stringAt(waiting, "reason");
    else if (terminated !== undefined) text = endText(terminated);
    else if (running !== undefined && status["ready"] === true) isAnyRunning = true;
  }
  if (text !== "Completed" || !isAnyRunning) return text;
  const isReady = recordsAt(pod, "status", "conditions").some(
    ({ type, status }) => type === "Ready" && status === "True",
  );
  return isReady ? "Running" : "NotReady";
}

function endText(terminated: unknown): string {
  const reason = stringAt(terminated, "reason");
  if (reason !== "") return reason;
  const signal = numberAt(terminated, "signal") ?? 0;
  return signal === 0 ? `ExitCode:${numberAt(terminated, "exitCode") ?? 0}` : `Signal:${signal}`;
}
