export {
  buildAnnotations,
  buildGroup,
  buildLabels,
  buildPaths,
  buildSpecStatusCancelled,
  buildVolumes,
  containerPrefix,
  succeededCondition,
} from "./labels.ts";
export { buildReasons } from "./reasons.ts";

export {
  Build,
  BuildAttempt,
  BuildResult,
  BuildSpec,
  BuildStatus,
  SourceStatus,
  StepStatus,
  TemplateInstantiation,
} from "./build.types.ts";
export { defaultBuild, serviceAccountDefault, timeoutDefaultMs, timeoutMsOf } from "./build.defaults.ts";
export { validateBuild, validateSourceFields } from "./build.validation.ts";

export { BuildTemplate, BuildTemplateSpec, ClusterBuildTemplate, ParameterSpec } from "./build-template.types.ts";
export { validateBuildTemplate } from "./build-template.validation.ts";
export { resolveBuild, type ResolvedBuild } from "./substitution.ts";

// The one parser of image references, without the rest of Serving.
export { parseImageReference } from "../../serving/v1/image-reference.ts";
export { buildConfigMap, parseBuildConfig, type BuildConfig } from "../config/build-config.ts";

export { Source, sourceKindOf, type SourceKind } from "./source.types.ts";
export { BuildVolume, SourceContainer, Step, StepCache, StepEnvVar, StepVolumeMount } from "./step.types.ts";
export { validateStepDetails, validateVolumes } from "./step.validation.ts";

export {
  encodeStepOutcome,
  findStepResult,
  parseStepOutcome,
  stepOutcomeBytesMax,
  stepResultNames,
  type StepFailure,
  type StepOutcome,
  type StepResult,
} from "./step-outcome.ts";
