import { autoscalingGroup } from "@kelvin/api/autoscaling/v1alpha1";
import { annotations, labels, type Revision } from "@kelvin/api/serving/v1";

// What a Revision's children inherit. Labels and annotations that only concern routing change during a Revision's life
// and would roll its pods for nothing.
const labelsKeptBack: ReadonlySet<string> = new Set([labels.route, labels.routingState]);
const annotationsKeptBack: ReadonlySet<string> = new Set([
  annotations.lastPinned,
  annotations.noGC,
  annotations.routingStateModified,
  annotations.routes,
]);

/** Labels of everything a Revision owns, its pods included. */
export function makeChildLabels(revision: Revision): Record<string, string> {
  const { name = "", uid = "" } = revision.metadata;
  return {
    [labels.app]: name,
    ...omit(revision.metadata.labels, (key) => labelsKeptBack.has(key)),
    [labels.revision]: name,
    [labels.revisionUID]: uid,
  };
}

/** Annotations of the PodAutoscaler; the autoscaling settings are for it. */
export function makeScalingAnnotations(revision: Revision): Record<string, string> {
  return omit(revision.metadata.annotations, (key) => annotationsKeptBack.has(key));
}

/** Annotations of the Deployment and its pods. */
export function makeWorkloadAnnotations(revision: Revision): Record<string, string> {
  return omit(makeScalingAnnotations(revision), (key) => key.startsWith(`${autoscalingGroup}/`));
}

function omit(
  entries: Readonly<Record<string, string>> | undefined,
  isKeptBack: (key: string) => boolean,
): Record<string, string> {
  return Object.fromEntries(Object.entries(entries ?? {}).filter(([key]) => !isKeptBack(key)));
}
