import { createHash } from "node:crypto";
import { Deployment, isSemanticallyEqual, type ReplicaSet } from "@kelvin/kube";
import { safeEncode } from "../generated-name.ts";
import { makeControllerReference } from "../ownership.ts";
import { copiedAnnotations, revisionAnnotation, sizeAnnotations } from "./annotations.ts";
import { byAge, type Generations } from "./rollout.ts";

export const templateHashLabel = "pod-template-hash";

type Template = NonNullable<NonNullable<Deployment["spec"]>["template"]>;

/** Tells the ReplicaSet of the Deployment's present template, the oldest if there are several, from the others. */
export function splitGenerations(deployment: Deployment, replicaSets: readonly ReplicaSet[]): Generations {
  const sorted = replicaSets.toSorted(byAge);
  const current = sorted.find((replicaSet) => hasTemplateOf(replicaSet, deployment));
  return { current, old: sorted.filter((replicaSet) => replicaSet !== current) };
}

/** Whether the ReplicaSet makes the pods that the Deployment wants, the hash label apart. */
export function hasTemplateOf(replicaSet: ReplicaSet, deployment: Deployment): boolean {
  return isSemanticallyEqual(withoutHash(replicaSet.spec?.template), withoutHash(deployment.spec?.template));
}

function withoutHash(template: Template | undefined): Template | undefined {
  if (template?.metadata?.labels?.[templateHashLabel] === undefined) return template;
  const { [templateHashLabel]: _, ...labels } = template.metadata.labels;
  return { ...template, metadata: { ...template.metadata, labels } };
}

/** The ReplicaSet of the Deployment's present template. Its name is a function of the template, so it is made only once. */
export function makeReplicaSet(
  deployment: Deployment,
  { replicas, revision }: { replicas: number; revision: number },
): ReplicaSet {
  const hash = templateHash(deployment);
  const { template, selector, minReadySeconds } = deployment.spec ?? {};
  const hashLabel = { [templateHashLabel]: hash };
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name: `${deployment.metadata.name ?? ""}-${hash}`,
      ...(deployment.metadata.namespace !== undefined && { namespace: deployment.metadata.namespace }),
      labels: { ...template?.metadata?.labels, ...hashLabel },
      annotations: {
        ...copiedAnnotations(deployment),
        ...sizeAnnotations(deployment),
        [revisionAnnotation]: String(revision),
      },
      ownerReferences: [makeControllerReference(Deployment, deployment)],
    },
    spec: {
      replicas,
      ...(minReadySeconds !== undefined && { minReadySeconds }),
      selector: { ...selector, matchLabels: { ...selector?.matchLabels, ...hashLabel } },
      template: {
        ...template,
        metadata: { ...template?.metadata, labels: { ...template?.metadata?.labels, ...hashLabel } },
      },
    },
  };
}

/** Ten characters that stand for the template. `collisionCount` makes another set when a name is taken by something else. */
function templateHash(deployment: Deployment): string {
  const text = canonicalJson([withoutHash(deployment.spec?.template), deployment.status?.collisionCount ?? 0]);
  return safeEncode(createHash("sha256").update(text).digest());
}

/** JSON with sorted keys and without what is absent: equal templates give equal texts. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined && member !== null)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
  return `{${members.join(",")}}`;
}
