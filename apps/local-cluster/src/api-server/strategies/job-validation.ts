import type { ApiObject, JsonObject } from "../api-object.ts";
import { equalJson, isRecord, numberAt, recordAt, recordsAt, stringAt } from "../api-object.ts";
import { forbiddenField, invalidValue, notSupported, required } from "../field-cause.ts";
import { labelSelectorMatcher, labelSelectorText } from "../reading/selectors.ts";
import type { StatusCause } from "../status-error.ts";
import { validatePodSpec } from "./pod-validation.ts";

const countFields = ["parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"];
/** Rarely used, and not acted upon here: refused, so that nobody counts on them. */
const unsupportedFields = ["backoffLimitPerIndex", "maxFailedIndexes", "successPolicy"];
const indexedPodsMax = 100_000;
const labelLengthMax = 63;

/** What must hold of a Job, and what of it may not change. */
export function validateJob(job: ApiObject, old: ApiObject | undefined): StatusCause[] {
  const spec = recordAt(job, "spec");
  return [
    ...validateCounts(spec),
    ...validateModes(spec),
    ...validateSelector(job, spec),
    ...validateFailurePolicy(spec),
    ...validatePodSpec(recordAt(spec, "template", "spec"), "spec.template.spec"),
    ...validateRestartPolicy(spec),
    ...(old === undefined ? [] : validateChange(job, old)),
  ];
}

function validateCounts(spec: JsonObject): StatusCause[] {
  const causes: StatusCause[] = [];
  for (const field of countFields) {
    const value = numberAt(spec, field) ?? 0;
    if (value < 0) causes.push(invalidValue(`spec.${field}`, value, "must be greater than or equal to 0"));
  }
  for (const field of unsupportedFields) {
    if (spec[field] !== undefined) causes.push(forbiddenField(`spec.${field}`, "not supported by the local cluster"));
  }
  return causes;
}

function validateModes(spec: JsonObject): StatusCause[] {
  const causes: StatusCause[] = [];
  const mode = stringAt(spec, "completionMode");
  if (mode !== "NonIndexed" && mode !== "Indexed") {
    causes.push(notSupported("spec.completionMode", mode, ["NonIndexed", "Indexed"]));
  }
  if (mode === "Indexed") {
    const most = `must be less than or equal to ${indexedPodsMax} when completion mode is Indexed`;
    if (spec["completions"] === undefined) {
      causes.push(required("spec.completions", "when completion mode is Indexed"));
    }
    for (const field of ["completions", "parallelism"]) {
      const count = numberAt(spec, field) ?? 0;
      if (count > indexedPodsMax) causes.push(invalidValue(`spec.${field}`, count, most));
    }
  }
  const replacement = stringAt(spec, "podReplacementPolicy");
  const replacements = isRecord(spec["podFailurePolicy"]) ? ["Failed"] : ["Failed", "TerminatingOrFailed"];
  if (!replacements.includes(replacement)) {
    causes.push(notSupported("spec.podReplacementPolicy", replacement, replacements));
  }
  return causes;
}

function validateSelector({ metadata }: ApiObject, spec: JsonObject): StatusCause[] {
  const { name = "" } = metadata;
  // The name becomes a label of the pods.
  if (name.length > labelLengthMax) {
    return [invalidValue("metadata.name", name, `must be no more than ${labelLengthMax} characters`)];
  }
  const selector = spec["selector"];
  if (labelSelectorText(selector) === "") return [required("spec.selector")];
  const labels = recordAt(spec, "template", "metadata", "labels");
  if (labelSelectorMatcher(selector)(labels)) return [];
  return [invalidValue("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")];
}

function validateRestartPolicy(spec: JsonObject): StatusCause[] {
  const field = "spec.template.spec.restartPolicy";
  const policy = stringAt(spec, "template", "spec", "restartPolicy");
  if (policy === "Always") return [required(field, 'valid values: "OnFailure", "Never"')];
  if (policy !== "Never" && isRecord(spec["podFailurePolicy"])) {
    return [invalidValue(field, policy, 'only "Never" is supported when podFailurePolicy is specified')];
  }
  return [];
}

const actions = ["Count", "FailJob", "Ignore"];

function validateFailurePolicy(spec: JsonObject): StatusCause[] {
  const causes: StatusCause[] = [];
  for (const [index, rule] of recordsAt(spec, "podFailurePolicy", "rules").entries()) {
    const at = `spec.podFailurePolicy.rules[${index}]`;
    const action = stringAt(rule, "action");
    if (!actions.includes(action)) causes.push(notSupported(`${at}.action`, action, actions));
    const { onExitCodes, onPodConditions } = rule;
    if ((onExitCodes === undefined) === (onPodConditions === undefined)) {
      const detail = "specifying one of OnExitCodes and OnPodConditions is required";
      causes.push(invalidValue(at, rule, detail));
    }
    const operator = stringAt(onExitCodes, "operator");
    if (onExitCodes !== undefined && operator !== "In" && operator !== "NotIn") {
      causes.push(notSupported(`${at}.onExitCodes.operator`, operator, ["In", "NotIn"]));
    }
  }
  return causes;
}

const fixedFields = ["selector", "completionMode", "podFailurePolicy", "manualSelector"];
/** What a scheduler of Jobs may still choose before it lets a suspended one start. */
const openPodFields = ["affinity", "nodeSelector", "schedulingGates", "tolerations"];

function validateChange(job: ApiObject, old: ApiObject): StatusCause[] {
  const before = recordAt(old, "spec");
  const after = recordAt(job, "spec");
  const fixed = (field: string): StatusCause => invalidValue(`spec.${field}`, after[field], "field is immutable");
  const causes = fixedFields.filter((field) => !equalJson(before[field], after[field])).map(fixed);
  // An Indexed Job may grow and shrink as a whole.
  const isElastic = after["completionMode"] === "Indexed" && after["completions"] === after["parallelism"];
  if (before["completions"] !== after["completions"] && !isElastic) causes.push(fixed("completions"));
  const hasStarted = before["suspend"] !== true || stringAt(old, "status", "startTime") !== "";
  const part = hasStarted ? (template: JsonObject): JsonObject => template : closedPart;
  if (!equalJson(part(recordAt(before, "template")), part(recordAt(after, "template")))) causes.push(fixed("template"));
  return causes;
}

function closedPart(template: JsonObject): JsonObject {
  const spec = Object.entries(recordAt(template, "spec")).filter(([field]) => !openPodFields.includes(field));
  const { labels: _, annotations: __, ...metadata } = recordAt(template, "metadata");
  return { ...template, metadata, spec: Object.fromEntries(spec) };
}
