import {
  ConflictError,
  isSemanticallyEqual,
  keyOf,
  type KubeClient,
  type Node,
  NotFoundError,
  Pod,
} from "@kelvin/kube";
import { type EventRecorder, type Outcome, TerminalError, waitForEvent } from "@kelvin/controller";
import { replaceCondition, type StatusCondition, timestamp } from "../conditions.ts";
import { isBeingDeleted } from "../ownership.ts";
import { isPodTerminal, podCondition } from "../pods.ts";
import type { Assumptions } from "./assumptions.ts";
import { addDemand, type Demand, demandOf, noDemand } from "./demand.ts";
import { decideMisfits, type Misfit, unschedulableMessage } from "./fit.ts";

const schedulerName = "default-scheduler";

export interface SchedulerDeps {
  readonly kube: KubeClient;
  readonly clock: { now(): Date };
  readonly recorder: EventRecorder;
  readonly nodes: () => readonly Node[];
  /** Pods that the informer shows on this node. */
  readonly podsOn: (nodeName: string) => readonly Pod[];
  readonly assumptions: Assumptions;
}

/** Whether a pod waits for this scheduler. */
export function isWaitingForNode(pod: Pod): boolean {
  if (pod.spec === undefined || (pod.spec.nodeName ?? "") !== "" || isBeingDeleted(pod) || isPodTerminal(pod))
    return false;
  if ((pod.spec.schedulingGates ?? []).length > 0) return false;
  return (pod.spec.schedulerName ?? schedulerName) === schedulerName;
}

/**
 * Binds a pod to the emptiest node it fits on, or says in its PodScheduled condition and an event why it fits on none.
 * A pod that fits nowhere is looked at again when a node changes or a pod goes.
 */
export async function reconcileScheduling(pod: Pod, deps: SchedulerDeps): Promise<Outcome> {
  const uid = pod.metadata.uid ?? "";
  if (!isWaitingForNode(pod) || deps.assumptions.has(uid)) return waitForEvent;
  const nodes = deps.nodes();
  // From here to `assume` there is no await: two pods never count on the same free place.
  const { fitting, misfits } = assess(pod, nodes, deps);
  const node = fitting[0];
  if (node === undefined) {
    reportUnschedulable(pod, unschedulableMessage(misfits), deps);
    return waitForEvent;
  }
  deps.assumptions.assume(uid, node, demandOf(pod));
  try {
    const body = { metadata: { uid }, spec: { nodeName: node } };
    await deps.kube.patch(Pod, keyOf(pod), { type: "merge", body });
  } catch (error) {
    deps.assumptions.forget(uid);
    if (error instanceof NotFoundError || error instanceof ConflictError) return waitForEvent;
    throw error;
  }
  const { namespace = "", name = "" } = pod.metadata;
  deps.recorder.normal(pod, "Scheduled", `Successfully assigned ${namespace}/${name} to ${node}`);
  return waitForEvent;
}

interface Assessment {
  /** Names of the nodes that will do, the emptiest first. */
  readonly fitting: string[];
  readonly misfits: Misfit[][];
}

function assess(pod: Pod, nodes: readonly Node[], deps: SchedulerDeps): Assessment {
  const candidates: { name: string; podCount: number }[] = [];
  const misfits: Misfit[][] = [];
  try {
    for (const node of nodes) {
      const name = node.metadata.name ?? "";
      const used = usedOn(name, deps);
      const reasons = decideMisfits(pod, node, used);
      if (reasons.length === 0) candidates.push({ name, podCount: used.amounts["pods"] ?? 0 });
      else misfits.push(reasons);
    }
  } catch (error) {
    // A request that cannot be read will never fit; it is the pod that has to change.
    if (error instanceof TypeError) throw new TerminalError(error.message, { cause: error });
    throw error;
  }
  candidates.sort((a, b) => a.podCount - b.podCount || (a.name < b.name ? -1 : 1));
  return { fitting: candidates.map(({ name }) => name), misfits };
}

function usedOn(nodeName: string, { podsOn, assumptions }: SchedulerDeps): Demand {
  const running = podsOn(nodeName).filter((pod) => !isPodTerminal(pod));
  const shown = running.reduce((sum, pod) => addDemand(sum, heldBy(pod)), noDemand);
  return addDemand(shown, assumptions.heldOn(nodeName));
}

/** A pod that was put onto its node past the scheduler may ask for what cannot be read; it must not stop all others. */
function heldBy(pod: Pod): Demand {
  try {
    return demandOf(pod);
  } catch {
    return { ...noDemand, amounts: { pods: 1 } };
  }
}

/** The loop writes the condition; nobody else writes the status of a pod without a node. */
function reportUnschedulable(pod: Pod, message: string, { recorder, clock }: SchedulerDeps): void {
  const current = podCondition(pod, "PodScheduled");
  const condition: StatusCondition = { type: "PodScheduled", status: "False", reason: "Unschedulable", message };
  const { status: was, reason, message: said } = current ?? {};
  if (isSemanticallyEqual([was, reason, said], [condition.status, condition.reason, message])) return;
  recorder.warning(pod, "FailedScheduling", message);
  const conditions = replaceCondition(pod.status?.conditions ?? [], {
    ...condition,
    lastTransitionTime: timestamp(clock.now()),
  });
  pod.status = { ...pod.status, conditions: [...conditions] };
}
