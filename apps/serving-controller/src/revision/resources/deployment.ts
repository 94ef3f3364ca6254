import { apiVersionOf, makeOwnerReference } from "@kelvin/api";
import { annotations, labels, Revision } from "@kelvin/api/serving/v1";
import { Deployment } from "@kelvin/kube";
import { servingContainerOf } from "./container.ts";
import { makeChildLabels, makeWorkloadAnnotations } from "./metadata.ts";
import { deploymentName } from "./names.ts";
import { makePodSpec, type PodSettings } from "./pod-spec.ts";

/** What the configuration says about a Revision's Deployment. */
export interface DeploymentSettings extends PodSettings {
  /** Pods to start with; afterwards the autoscaler owns the number. */
  readonly initialScale: number;
  readonly progressDeadlineSeconds: number;
}

/** The Deployment that runs a Revision. Pure; the hash label tells later whether anything that matters changed. */
export function makeDeployment(revision: Revision, settings: DeploymentSettings): Deployment {
  const childLabels = makeChildLabels(revision);
  const childAnnotations = makeWorkloadAnnotations(revision);
  const podSpec = makePodSpec(revision, settings);
  const namespace = revision.metadata.namespace ?? "";
  const hash = hashOf({ podSpec, progressDeadlineSeconds: settings.progressDeadlineSeconds });
  return {
    apiVersion: apiVersionOf(Deployment),
    kind: Deployment.kind,
    metadata: {
      name: deploymentName(revision),
      namespace,
      labels: { ...childLabels, [labels.deploymentHash]: hash },
      annotations: childAnnotations,
      ownerReferences: [makeOwnerReference(Revision, revision)],
    },
    spec: {
      replicas: settings.initialScale,
      revisionHistoryLimit: 0,
      progressDeadlineSeconds: settings.progressDeadlineSeconds,
      selector: { matchLabels: { [labels.revisionUID]: revision.metadata.uid ?? "" } },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0 } },
      template: {
        metadata: {
          labels: childLabels,
          annotations: {
            [annotations.defaultContainer]: servingContainerOf(revision)?.name ?? "",
            ...childAnnotations,
          },
        },
        spec: podSpec,
      },
    },
  };
}

/** FNV-1a over the value as JSON with sorted keys, in base 36. Not for secrets: it only tells two specs apart. */
export function hashOf(value: unknown): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(JSON.stringify(sorted(value)))) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return hash.toString(36);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, member]) => [key, sorted(member)]));
}
