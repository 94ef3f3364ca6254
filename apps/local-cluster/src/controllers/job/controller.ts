import { type Controller, enqueueOwner, openController, watching } from "@kelvin/controller";
import { Job } from "@kelvin/kube";
import { candidatesOf, possibleOwners } from "../cluster-informers.ts";
import type { ControllerBase } from "../controller-base.ts";
import { openUnseenWrites } from "../unseen-writes.ts";
import { reconcileJob } from "./reconcile.ts";

const name = "job-controller";

/** Jobs are woken by themselves and by their pods, and by orphans that they might adopt. */
export function openJobController(
  { informers, recorderOf, ...base }: ControllerBase,
  random: () => number = Math.random,
): Controller {
  const { jobs, pods } = informers;
  const recorder = recorderOf(name);
  const unseen = openUnseenWrites(() => base.clock.monotonicMs());
  // Before the controller subscribes: what wakes a reconcile must have been noted already.
  const unsubscribe = pods.onChange((change) => unseen.observe(change));
  const toOwner = enqueueOwner(Job);
  const controller = openController({
    ...base,
    name,
    kind: Job,
    informer: jobs,
    recorder,
    concurrency: 8,
    reconcilesDeleting: true,
    watches: [watching(pods, (pod) => [...toOwner(pod), ...possibleOwners(jobs, pod)])],
    reconcile: (job, { kube, clock }) =>
      reconcileJob(job, {
        kube,
        clock,
        recorder,
        random,
        unseen,
        candidatePods: (owner) => candidatesOf(pods, owner),
      }),
  });
  return {
    ...controller,
    async close() {
      unsubscribe();
      await controller.close();
    },
  };
}
