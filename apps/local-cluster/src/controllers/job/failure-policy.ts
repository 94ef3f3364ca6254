import type { Job, Pod } from "@kelvin/kube";

type Rule = NonNullable<NonNullable<NonNullable<Job["spec"]>["podFailurePolicy"]>["rules"]>[number];

/** What `spec.podFailurePolicy` says of a failed pod: the action of the first rule that fits; Count when none does. */
export interface FailureVerdict {
  readonly action: "Count" | "FailJob" | "Ignore";
  /** For FailJob: why. */
  readonly message?: string;
}

const counted: FailureVerdict = { action: "Count" };

export function judgeFailure(job: Job, pod: Pod): FailureVerdict {
  for (const [index, rule] of (job.spec?.podFailurePolicy?.rules ?? []).entries()) {
    const cause = matchExitCodes(rule, pod) ?? matchConditions(rule, pod);
    if (cause === undefined) continue;
    if (rule.action === "Ignore") return { action: "Ignore" };
    if (rule.action !== "FailJob") return counted;
    return { action: "FailJob", message: `${cause} matching FailJob rule at index ${index}` };
  }
  return counted;
}

function matchExitCodes({ onExitCodes }: Rule, pod: Pod): string | undefined {
  if (onExitCodes === undefined) return undefined;
  const { containerName, operator, values } = onExitCodes;
  const failed = failedContainers(pod)
    .filter(({ name }) => containerName === undefined || containerName === name)
    .find(({ exitCode }) => values.includes(exitCode) === (operator === "In"));
  return failed && `Container ${failed.name} for pod ${textOf(pod)} failed with exit code ${failed.exitCode}`;
}

/** A container that ended well matches nothing, not even NotIn. */
function failedContainers({ status }: Pod): { name: string; exitCode: number }[] {
  const statuses = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  return statuses
    .map(({ name, state }) => ({ name, exitCode: state?.terminated?.exitCode ?? 0 }))
    .filter(({ exitCode }) => exitCode !== 0);
}

function matchConditions({ onPodConditions = [] }: Rule, pod: Pod): string | undefined {
  const met = onPodConditions.find((pattern) =>
    pod.status?.conditions?.some(({ type, status }) => type === pattern.type && status === (pattern.status ?? "True")),
  );
  return met && `Pod ${textOf(pod)} has condition ${met.type}`;
}

function textOf({ metadata }: Pod): string {
  return `${metadata.namespace ?? ""}/${metadata.name ?? ""}`;
}
