import { isControlledBy, keyOf } from "@kelvin/api";
import { buildReasons, type Build } from "@kelvin/api/build/v1alpha1";
import { requeueAfter, type Outcome } from "@kelvin/controller";
import { AlreadyExistsError, ForbiddenError, InvalidError, KubeError, NotFoundError, Pod } from "@kelvin/kube";
import { findPodFault } from "./check-build.ts";
import type { BuildDeps } from "./deps.ts";
import { endBuild, recordStatus } from "./ending.ts";
import { readInputs, type BuildInputs } from "./inputs.ts";
import { currentAttempt, withAttempt } from "./lifecycle.ts";
import { podName } from "./resources/names.ts";
import { makePod } from "./resources/pod.ts";

/** What goes on once the Pod is there. */
export interface AttemptSteps {
  readonly deps: BuildDeps;
  readonly follow: (build: Build, pod: Pod, deps: BuildDeps) => Promise<Outcome>;
}

/** How long a new Build waits for what it refers to: people apply both at once, in any order. */
const missingMsMax = 3000;
const missingLookMs = 300;

/** Begins an attempt: checks what the Build refers to, writes down the Pod's name, and only then makes the Pod. */
export async function startAttempt(build: Build, steps: AttemptSteps): Promise<Outcome> {
  const { deps } = steps;
  const inputs = await readInputs(build, deps.kube);
  if ("fault" in inputs) {
    const ageMs = deps.clock.now().getTime() - Date.parse(build.metadata.creationTimestamp ?? "");
    if (inputs.isMissing === true && ageMs < missingMsMax) return requeueAfter(missingLookMs);
    return refuse(build, inputs.fault, deps);
  }
  const name = podName(build.metadata.name ?? "", deps.newSuffix());
  const claimed = await recordStatus(build, withAttempt(build, name, deps.clock.now()), deps);
  return createPod(claimed, inputs, steps);
}

/** Makes the Pod whose name was written down, unless that has been done. */
export async function ensurePod(build: Build, steps: AttemptSteps): Promise<Outcome> {
  const inputs = await readInputs(build, steps.deps.kube);
  return "fault" in inputs ? refuse(build, inputs.fault, steps.deps) : createPod(build, inputs, steps);
}

function refuse(build: Build, message: string, deps: BuildDeps): Promise<Outcome> {
  return endBuild(build, { reason: buildReasons.validationFailed, message }, deps);
}

async function createPod(build: Build, inputs: BuildInputs, { deps, follow }: AttemptSteps): Promise<Outcome> {
  const attempts = build.status?.attempts ?? [];
  const name = currentAttempt(build)?.podName ?? "";
  const pod = makePod(build, { ...inputs, config: deps.config, podName: name, attempt: attempts.length });
  const fault = findPodFault(pod);
  if (fault !== undefined) return refuse(build, fault, deps);
  try {
    const created = await deps.kube.create(Pod, pod);
    deps.recorder.normal(build, "Created", `Created Pod "${name}"`);
    return await follow(build, created, deps);
  } catch (error) {
    if (error instanceof AlreadyExistsError) return adopt(build, pod, { deps, follow });
    if (!isRefusal(error)) throw error;
    return endBuild(build, { reason: buildReasons.executeFailed, message: error.message }, deps);
  }
}

/** The name is taken: by us, before a crash or in a cache that lags, or by a stranger. */
async function adopt(build: Build, wanted: Pod, { deps, follow }: AttemptSteps): Promise<Outcome> {
  const existing = await deps.kube.get(Pod, keyOf(wanted));
  if (isControlledBy(existing, build)) return follow(build, existing, deps);
  // As if it had never been claimed: the next reconcile chooses another name.
  const attempts = (build.status?.attempts ?? []).slice(0, -1);
  await recordStatus(build, { ...build.status, attempts }, deps);
  return requeueAfter(0);
}

/** Whether the API server will say the same again. */
function isRefusal(error: unknown): error is KubeError {
  return (
    error instanceof InvalidError ||
    error instanceof ForbiddenError ||
    error instanceof NotFoundError ||
    (error instanceof KubeError && error.code === 400)
  );
}
