import {
  buildVolumes,
  findStepResult,
  parseImageReference,
  parseStepOutcome,
  stepResultNames,
  type BuildResult,
  type SourceStatus,
} from "@kelvin/api/build/v1alpha1";
import type { Pod } from "@kelvin/kube";
import type { BuildPlan, PlannedStep } from "../resources/plan.ts";
import type { ContainerStatus } from "../resources/pod-types.ts";

/** What the steps of a Pod found out. */
export interface Findings {
  readonly results: BuildResult[];
  /** The image that was pushed: repository@digest. */
  readonly image: string | undefined;
}

type StatusByName = ReadonlyMap<string, ContainerStatus>;

/**
 * Collects results in the order of the steps. An image counts only from a container that held registry credentials, and
 * only for the repository that the Build declares: any other step could name an image that somebody else pushed.
 */
export function findingsOf(pod: Pod, plan: BuildPlan, statuses: StatusByName): Findings {
  const found = plan.steps.map((step) => stepFindings(pod, plan, { step, status: statuses.get(step.container) }));
  return {
    results: found.flatMap(({ results }) => results),
    image: found.findLast((findings) => findings.image !== undefined)?.image,
  };
}

function stepFindings(
  pod: Pod,
  plan: BuildPlan,
  { step, status }: { readonly step: PlannedStep; readonly status: ContainerStatus | undefined },
): Findings {
  const terminated = status?.state?.terminated;
  const outcome = terminated?.exitCode === 0 ? parseStepOutcome(terminated.message) : undefined;
  if (outcome === undefined) return { results: [], image: undefined };
  const pushed = pushedImage(findStepResult(outcome, stepResultNames.digest), {
    named: findStepResult(outcome, stepResultNames.image),
    declared: plan.image,
  });
  const image = holdsRegistryCredentials(pod, step) ? pushed : undefined;
  const ofImages: readonly string[] = [stepResultNames.image, stepResultNames.digest];
  const counted = outcome.results.filter(({ name }) => image !== undefined || !ofImages.includes(name));
  return { results: counted.map(({ name, value }) => ({ name, value, step: step.name })), image };
}

function holdsRegistryCredentials({ spec }: Pod, { container }: PlannedStep): boolean {
  const found = spec?.initContainers?.find(({ name }) => name === container);
  return found?.volumeMounts?.some(({ name }) => name === buildVolumes.dockerCredentials) === true;
}

/** The image by digest, if it is in the declared repository. */
function pushedImage(
  digest: string | undefined,
  { named, declared }: { named: string | undefined; declared: string | undefined },
): string | undefined {
  if (digest === undefined || declared === undefined || !/^sha256:[0-9a-f]{64}$/.test(digest)) return undefined;
  const repository = repositoryOf(declared);
  if (repository === undefined || (named !== undefined && repositoryOf(named) !== repository)) return undefined;
  return `${repository}@${digest}`;
}

function repositoryOf(image: string): string | undefined {
  try {
    const { registry, repository } = parseImageReference(image);
    return `${registry}/${repository}`;
  } catch {
    // No image at all, so no result either.
    return undefined;
  }
}

/** What was fetched. */
export function fetchedBy(status: ContainerStatus | undefined): Pick<SourceStatus, "commit" | "digest" | "size"> {
  const outcome = parseStepOutcome(status?.state?.terminated?.message);
  const text = (name: string): string | undefined => findStepResult(outcome, name);
  const [commit, digest, size] = [stepResultNames.commit, stepResultNames.digest, stepResultNames.size].map(text);
  return {
    ...(commit === undefined ? {} : { commit }),
    ...(digest === undefined ? {} : { digest }),
    ...(size !== undefined && /^\d{1,15}$/.test(size) ? { size: Number(size) } : {}),
  };
}
