/**
 * Reasons of a Build's condition Succeeded. The first group is v0.7's, to the letter; there success and failure of a step
 * had none. A container of Kelvin's own that fails gives a reason of its own, such as `RevisionNotFound`.
 */
export const buildReasons = {
  pending: "Pending",
  building: "Building",
  validationFailed: "BuildValidationFailed",
  executeFailed: "BuildExecuteFailed",
  timeout: "BuildTimeout",
  cancelled: "BuildCancelled",

  succeeded: "Succeeded",
  /** Waits for its turn in its concurrency group. */
  queued: "Queued",
  superseded: "BuildSuperseded",
  /** The Pod is being replaced after it was lost. */
  retrying: "Retrying",
  stepFailed: "StepFailed",
  stepOutOfMemory: "StepOutOfMemory",
  imagePullFailed: "StepImagePullFailed",
  stepConfigError: "StepConfigError",
  podFailed: "PodFailed",
  podEvicted: "PodEvicted",
  podLost: "PodLost",
} as const;
