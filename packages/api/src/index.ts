export { apiVersionOf, type Kind } from "./meta/kind.ts";
export { readyColumns, type CustomKind, type PrinterColumn } from "./meta/custom-kind.ts";
export type { KubeObject, ObjectKey, ObjectMeta, OwnerReference } from "./meta/object-meta.ts";
export {
  clearCondition,
  Condition,
  conditionSet,
  getCondition,
  isConditionFalse,
  isConditionTrue,
  isFailed,
  isObserved,
  isReady,
  keepTransitionTimes,
  kubeTime,
  markNewObservedGenFailure,
  readyCondition,
  reasonNewObservedGenFailure,
  setCondition,
  statusProperties,
  type Conditioned,
  type ConditionedStatus,
  type ConditionSet,
  type Mark,
} from "./meta/conditions.ts";
export {
  admitKind,
  makeAdmissionRules,
  type AdmissionAnswer,
  type AdmissionQuestion,
  type AdmissionRules,
  type AdmittedKind,
} from "./meta/admission.ts";
export { initializeStatus, propagateCondition, type StatusObject } from "./meta/status.ts";
export { controllerOf, isControlledBy, keyOf, makeOwnerReference } from "./meta/owner-reference.ts";
export { childName } from "./meta/child-name.ts";
export {
  asWarning,
  disallowedField,
  fieldError,
  fieldErrorText,
  fieldWarningTexts,
  hasErrors,
  invalidKeyName,
  invalidValue,
  missingField,
  missingOneOf,
  multipleOneOf,
  outOfBounds,
  viaField,
  viaFieldIndex,
  viaIndex,
  viaKey,
  type FieldError,
} from "./meta/field-error.ts";
export {
  dns1035LabelProblems,
  dns1035PrefixProblems,
  dns1123LabelProblems,
  dns1123SubdomainProblems,
  qualifiedNameProblems,
} from "./meta/dns-names.ts";
export { formatDuration, parseDuration } from "./meta/duration.ts";
export { compareQuantities, isQuantity, parseQuantity } from "./meta/quantity.ts";
export { AnyValue, IntOrString, MapOf, Preserved, StringEnum, Type, type Static, type TSchema } from "./meta/schema.ts";
export { matchesSchema, schemaErrors } from "./meta/schema-check.ts";
export { differences, differenceText, isRecord, isSemanticallyEqual, type Difference } from "./meta/equality.ts";
