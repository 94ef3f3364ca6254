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
