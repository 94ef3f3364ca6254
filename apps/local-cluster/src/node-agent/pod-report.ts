import { isSemanticallyEqual, NotFoundError, Pod } from "@kelvin/kube";
import { makePodStatus } from "./pod-status.ts";
import { keyOfPod, type PodRun } from "./pod-run.ts";
import { timestampOf } from "./timestamp.ts";

/** Tells the API server how the Pod is, if there is anything new. Gives the phase. */
export async function writePodStatus(run: PodRun): Promise<string | undefined> {
  const { deps, pod, uid } = run;
  const { sandbox } = run.held;
  const status = makePodStatus({
    pod,
    // What we wrote last may not have come back to us yet; transition times go on from there.
    conditions: run.written?.conditions ?? pod.status?.conditions ?? [],
    initContainers: [...run.initWorkers.values()].map(({ record }) => record),
    containers: [...run.workers.values()].map(({ record }) => record),
    ...(sandbox !== undefined && { podIp: sandbox.network.address }),
    ...(run.doom !== undefined && { doom: run.doom }),
    hostIp: deps.surroundings.hostIp,
    startTime: run.startTime,
    now: timestampOf(deps.clock),
  });
  if (isSemanticallyEqual(status, run.written)) return status.phase;
  try {
    const body = { metadata: { uid }, status };
    await deps.kube.patch(Pod, keyOfPod(pod), { type: "merge", body }, { subresource: "status" });
    run.written = status;
  } catch (error) {
    // Gone in between: the watch says so too, and ends this Pod's worker.
    if (!(error instanceof NotFoundError)) throw error;
  }
  return status.phase;
}
