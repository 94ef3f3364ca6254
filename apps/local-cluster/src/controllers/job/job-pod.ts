import { Job, type Pod } from "@kelvin/kube";
import { makeTemplatePod, type PodTemplate } from "../template-pod.ts";

/** Keeps a pod that has ended until it was counted: a Job counts each pod once, whoever deletes it and whatever is killed. */
export const trackingFinalizer = "batch.kubernetes.io/job-tracking";
const indexKey = "batch.kubernetes.io/job-completion-index";
const indexVariable = "JOB_COMPLETION_INDEX";

export function isTracked(pod: Pod): boolean {
  return pod.metadata.finalizers?.includes(trackingFinalizer) ?? false;
}

/** Which part of an Indexed Job the pod does; undefined when it says none. */
export function indexOf(pod: Pod): number | undefined {
  const text = pod.metadata.annotations?.[indexKey];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

export function isIndexed(job: Job): boolean {
  return job.spec?.completionMode === "Indexed";
}

/** A new pod of the Job; of an Indexed one, for this index. */
export function makeJobPod(job: Job, index: number | undefined, random: () => number): Pod {
  const name = job.metadata.name ?? "";
  const template = withFinalizer(index === undefined ? job.spec?.template : withIndex(job, index));
  const prefix = index === undefined ? `${name}-` : `${name}-${index}-`;
  return makeTemplatePod({ ownerKind: Job, owner: job, template }, prefix, random);
}

function withFinalizer(template: PodTemplate = {}): PodTemplate {
  const finalizers = [...(template.metadata?.finalizers ?? []), trackingFinalizer];
  return { ...template, metadata: { ...template.metadata, finalizers } };
}

function withIndex(job: Job, index: number): PodTemplate {
  const template: PodTemplate = job.spec?.template ?? {};
  const mark = { [indexKey]: String(index) };
  const { labels, annotations } = template.metadata ?? {};
  const metadata = { ...template.metadata, labels: { ...labels, ...mark }, annotations: { ...annotations, ...mark } };
  if (template.spec === undefined) return { ...template, metadata };
  const { containers, initContainers } = template.spec;
  const spec = {
    ...template.spec,
    hostname: `${job.metadata.name ?? ""}-${index}`,
    containers: containers.map(withIndexVariable),
    ...(initContainers !== undefined && { initContainers: initContainers.map(withIndexVariable) }),
  };
  return { ...template, metadata, spec };
}

type Container = NonNullable<Pod["spec"]>["containers"][number];

function withIndexVariable(container: Container): Container {
  const env = container.env ?? [];
  if (env.some(({ name }) => name === indexVariable)) return container;
  const fieldPath = `metadata.labels['${indexKey}']`;
  return { ...container, env: [...env, { name: indexVariable, valueFrom: { fieldRef: { fieldPath } } }] };
}
