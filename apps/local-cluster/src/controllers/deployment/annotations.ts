import type { Deployment, ReplicaSet } from "@kelvin/kube";
import { fencepostsOf, replicasOf } from "./fenceposts.ts";

export const revisionAnnotation = "deployment.kubernetes.io/revision";
/** Former revisions of a ReplicaSet that was rolled back to. */
const revisionHistoryAnnotation = "deployment.kubernetes.io/revision-history";
const revisionHistoryLengthMax = 2000;
const desiredReplicasAnnotation = "deployment.kubernetes.io/desired-replicas";
const maxReplicasAnnotation = "deployment.kubernetes.io/max-replicas";

/** Annotations of a Deployment that its ReplicaSets do not repeat. */
const notCopied = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  revisionAnnotation,
  revisionHistoryAnnotation,
  desiredReplicasAnnotation,
  maxReplicasAnnotation,
  "deprecated.deployment.rollback.to",
]);

type Annotations = Record<string, string>;

/** The Deployment's own annotations, as its current ReplicaSet repeats them. */
export function copiedAnnotations(deployment: Deployment): Annotations {
  return Object.fromEntries(
    Object.entries(deployment.metadata.annotations ?? {}).filter(([key]) => !notCopied.has(key)),
  );
}

/** The revision that the ReplicaSet has from now on, and those it had before. */
export function revisionAnnotations(replicaSet: ReplicaSet, revision: number): Annotations {
  const former = revisionOf(replicaSet);
  if (former === 0 || former === revision) return { [revisionAnnotation]: String(revision) };
  const history = (replicaSet.metadata.annotations?.[revisionHistoryAnnotation] ?? "").split(",");
  const revisions = [...history.filter((text) => text !== ""), String(former)];
  while (revisions.join(",").length > revisionHistoryLengthMax) revisions.shift();
  return { [revisionAnnotation]: String(revision), [revisionHistoryAnnotation]: revisions.join(",") };
}

/** What each ReplicaSet remembers of the Deployment's size, to tell a new size from a step of the rollout. */
export function sizeAnnotations(deployment: Deployment): Annotations {
  const replicas = replicasOf(deployment);
  return {
    [desiredReplicasAnnotation]: String(replicas),
    [maxReplicasAnnotation]: String(replicas + fencepostsOf(deployment).maxSurge),
  };
}

export function desiredReplicasNoted(replicaSet: ReplicaSet): number | undefined {
  return integer(replicaSet.metadata.annotations?.[desiredReplicasAnnotation]);
}

export function maxReplicasNoted(replicaSet: ReplicaSet): number | undefined {
  return integer(replicaSet.metadata.annotations?.[maxReplicasAnnotation]);
}

/** The number of the revision, 0 when it has none. */
export function revisionOf(object: Deployment | ReplicaSet): number {
  return integer(object.metadata.annotations?.[revisionAnnotation]) ?? 0;
}

function integer(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
