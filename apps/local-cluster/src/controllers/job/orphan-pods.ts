import { type Controller, openController, type Outcome, waitForEvent } from "@kelvin/controller";
import { type Informer, Job, type KubeClient, keyOf, Pod } from "@kelvin/kube";
import { all, indexes, waking } from "../cluster-informers.ts";
import type { ControllerBase } from "../controller-base.ts";
import { controllerOf } from "../ownership.ts";
import { isTracked } from "./job-pod.ts";
import { releasePod } from "./release-pod.ts";

const name = "job-orphan-pods";

/** Pods that wait to be counted are woken by themselves and when a Job goes: without it nobody would let go of them. */
export function openJobOrphanPodsController({ informers, recorderOf, ...base }: ControllerBase): Controller {
  const { pods, jobs } = informers;
  const podsOf = (job: Job): Pod[] => pods.byIndex(indexes.controller, job.metadata.uid ?? "");
  return openController({
    ...base,
    name,
    kind: Pod,
    informer: onlyTracked(pods),
    recorder: recorderOf("job-controller"),
    reconcilesDeleting: true,
    watches: [waking(jobs, ({ before, after }) => (after === undefined && before ? podsOf(before).map(keyOf) : []))],
    reconcile: (pod, { kube }) => reconcileOrphanPod(pod, { kube, job: (key) => jobs.get(key) }),
  });
}

/** Most pods are of no Job: their changes do not get as far as the queue. */
function onlyTracked(pods: Informer<Pod>): Informer<Pod> {
  return {
    ...pods,
    list: () => pods.byIndex(indexes.tracked, all),
    onChange: (listener) =>
      pods.onChange((change) => {
        if (change.after !== undefined && isTracked(change.after)) listener(change);
      }),
  };
}

interface OrphanPodDeps {
  readonly kube: KubeClient;
  readonly job: (key: { namespace: string; name: string }) => Job | undefined;
}

/** Takes the tracking finalizer off a pod that has no Job, or no longer has one: the server is asked before that is believed. */
export async function reconcileOrphanPod(pod: Pod, { kube, job }: OrphanPodDeps): Promise<Outcome> {
  if (!isTracked(pod)) return waitForEvent;
  const owner = controllerOf(pod);
  if (owner?.kind === Job.kind) {
    const key = { namespace: pod.metadata.namespace ?? "", name: owner.name };
    if (job(key)?.metadata.uid === owner.uid) return waitForEvent;
    if ((await kube.find(Job, key))?.metadata.uid === owner.uid) return waitForEvent;
  }
  await releasePod(pod, kube);
  return waitForEvent;
}
