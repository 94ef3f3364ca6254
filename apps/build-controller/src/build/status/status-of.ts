import { kubeTime } from "@kelvin/api";
import type { Build, BuildAttempt, BuildStatus } from "@kelvin/api/build/v1alpha1";
import { deepCopy, type Pod } from "@kelvin/kube";
import { planOf, type BuildPlan } from "../resources/plan.ts";
import type { ContainerStatus } from "../resources/pod-types.ts";
import { cacheProgress, progressOf } from "./progress.ts";
import { fetchedBy, findingsOf } from "./results.ts";
import { setSucceeded } from "./succeeded.ts";
import { containerStatuses } from "./container-statuses.ts";
import { decideVerdict, haveStepsStarted, isPodFinished } from "./verdict.ts";

/**
 * The status of a Build, as its Pod says it. Pure: of the Build's own status it keeps what no Pod knows, the times and the
 * attempts. `now` is when a condition that changes did so.
 */
export function statusOf(pod: Pod, build: Build, now: Date): BuildStatus {
  const plan = planOf(pod);
  const statuses = new Map(containerStatuses(pod).map((status) => [status.name, status]));
  const verdict = decideVerdict(pod);
  const isOver = verdict.status !== "Unknown";
  const { results, image } = findingsOf(pod, plan, statuses);
  const status: BuildStatus = {
    ...keptStatus(build),
    sources: plan.sources.map(({ name, container, kind }) => ({
      name,
      kind,
      ...progressOf(container, statuses.get(container), isOver),
      ...fetchedBy(statuses.get(container)),
    })),
    steps: plan.steps.map((step) => ({
      name: step.name,
      ...progressOf(step.container, statuses.get(step.container), isOver),
      ...(step.hasNoCacheStore === true
        ? { cache: "skipped", cacheReason: "the cluster keeps no caches: see cache-host-path in config-build" }
        : cacheProgress(step.restore === undefined ? undefined : statuses.get(step.restore))),
    })),
    ...stepFields(plan, statuses),
    ...(results.length === 0 ? {} : { results }),
    ...(image === undefined ? {} : { image }),
    ...attemptsWith(build, pod, plan),
  };
  if (status.sources?.length === 0) delete status.sources;
  setSucceeded(status, verdict, now);
  return isOver ? { ...status, completionTime: finishedAt(pod) ?? kubeTime(now) } : status;
}

/** The fields that v0.7 had: what stands in the Pod, for the steps alone. */
function stepFields(plan: BuildPlan, statuses: ReadonlyMap<string, ContainerStatus>): Partial<BuildStatus> {
  const present = plan.steps.flatMap(({ container }) => statuses.get(container) ?? []);
  return {
    stepStates: present.map(({ state = {} }) => ({ ...state })),
    stepsCompleted: present.filter(({ state }) => state?.terminated !== undefined).map(({ name }) => name),
  };
}

/** What only the Build knows. */
export function keptStatus({ metadata, status = {} }: Build): BuildStatus {
  const { conditions, startTime, completionTime, cluster, attempts } = deepCopy(status);
  return {
    builder: "Cluster",
    ...(metadata.generation === undefined ? {} : { observedGeneration: metadata.generation }),
    ...(cluster === undefined ? {} : { cluster }),
    ...(startTime === undefined ? {} : { startTime }),
    ...(completionTime === undefined ? {} : { completionTime }),
    ...(attempts === undefined ? {} : { attempts }),
    ...(conditions === undefined ? {} : { conditions }),
  };
}

function attemptsWith({ status }: Build, pod: Pod, plan: BuildPlan): Pick<BuildStatus, "attempts"> {
  const attempts = (status?.attempts ?? []).map((attempt): BuildAttempt => {
    if (attempt.podName !== pod.metadata.name) return attempt;
    const own = new Set(plan.sources.filter(({ kind }) => kind !== "custom").map(({ container }) => container));
    own.add("build-step-credential-initializer");
    return {
      ...attempt,
      ...(pod.metadata.uid === undefined ? {} : { podUID: pod.metadata.uid }),
      stepsStarted: haveStepsStarted(pod, own),
    };
  });
  return attempts.length === 0 ? {} : { attempts };
}

/** When the last container ended. Undefined while any runs, or when none ever did. */
function finishedAt(pod: Pod): string | undefined {
  if (!isPodFinished(pod)) return undefined;
  const times = containerStatuses(pod).flatMap(({ state }) => state?.terminated?.finishedAt ?? []);
  return times.toSorted().at(-1);
}
