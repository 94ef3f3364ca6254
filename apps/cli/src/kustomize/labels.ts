import type { LabelRule } from "./kustomization.ts";
import { type Fields, isFields, type Manifest } from "./manifest.ts";

/** Adds labels to an object, and where the rule says so to its Pod template and its selectors. */
export function addLabels(manifest: Manifest, { pairs, includeSelectors, includeTemplates }: LabelRule): void {
  manifest.metadata.labels = { ...manifest.metadata.labels, ...pairs };
  const spec = isFields(manifest.spec) ? manifest.spec : undefined;
  if (spec === undefined) return;
  const template = isFields(spec.template) ? spec.template : undefined;
  if (includeTemplates && template !== undefined) {
    const metadata = isFields(template.metadata) ? template.metadata : {};
    template.metadata = { ...metadata, labels: { ...(metadata.labels as Fields | undefined), ...pairs } };
  }
  if (includeSelectors) addToSelector(manifest.kind, spec, pairs);
}

function addToSelector(kind: string, spec: Fields, pairs: Record<string, string>): void {
  const selector = isFields(spec.selector) ? spec.selector : undefined;
  if (kind === "Service") {
    if (selector !== undefined) spec.selector = { ...selector, ...pairs };
  } else if (["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "PodDisruptionBudget"].includes(kind)) {
    spec.selector = { ...selector, matchLabels: { ...(selector?.matchLabels as Fields | undefined), ...pairs } };
  } else if (kind === "NetworkPolicy" && isFields(spec.podSelector)) {
    const { podSelector } = spec;
    spec.podSelector = {
      ...podSelector,
      matchLabels: { ...(podSelector.matchLabels as Fields | undefined), ...pairs },
    };
  }
}
