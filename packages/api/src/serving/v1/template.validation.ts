import {
  asWarning,
  disallowedField,
  fieldError,
  invalidKeyName,
  invalidValue,
  outOfBounds,
  viaField,
  type FieldError,
} from "../../meta/field-error.ts";
import { differenceText } from "../../meta/equality.ts";
import type { ObjectMeta } from "../../meta/object-meta.ts";
import { validateDNS1035Name, validateGenerateName } from "../../meta/object-meta.validation.ts";
import { isQuantity } from "../../meta/quantity.ts";
import { validateAutoscalingAnnotations } from "../../autoscaling/v1alpha1/annotations.validation.ts";
import type { DefaultsConfig } from "../config/defaults-config.ts";
import type { AdmissionConfig } from "./context.ts";
import { annotations } from "./labels.ts";
import { validateProgressDeadline } from "./metadata.validation.ts";
import { validatePodSpec } from "./pod-spec.validation.ts";
import type { RevisionSpec, RevisionTemplate } from "./revision.types.ts";

/** What is wrong with the template of an object whose metadata is `parent`. Paths are relative to the template. */
export function validateTemplate(
  template: RevisionTemplate,
  parent: ObjectMeta,
  config: AdmissionConfig,
): FieldError[] {
  const { metadata = {}, spec = {} } = template;
  return [
    ...viaField(validateRevisionSpec(spec, config), "spec"),
    ...viaField(validateTemplateName(metadata, parent), "metadata"),
    ...viaField(validateRevisionAnnotations(metadata.annotations ?? {}, config), "metadata.annotations"),
  ];
}

/** A template whose name stays may not change otherwise, for its Revision exists. Paths are relative to the template. */
export function validateNameChange(template: RevisionTemplate, old: RevisionTemplate): FieldError[] {
  const name = template.metadata?.name ?? "";
  if (name === "" || name !== old.metadata?.name) return [];
  const difference = differenceText(old, template);
  if (difference === "") return [];
  const message = "Saw the following changes without a name change (-old +new)";
  return [fieldError(message, ["metadata.name"], difference)];
}

/** What is wrong with a RevisionSpec. */
export function validateRevisionSpec(spec: RevisionSpec, config: AdmissionConfig): FieldError[] {
  return [...validatePodSpec(spec, config.features), ...validateLimits(spec, config.defaults)];
}

/** What is wrong with the annotations of a Revision or its template. Paths are the keys. */
export function validateRevisionAnnotations(
  given: Readonly<Record<string, string>>,
  config: AdmissionConfig,
): FieldError[] {
  return [
    ...validateAutoscalingAnnotations(given, config.autoscaler),
    ...validateQueueResources(given),
    ...validateProgressDeadline(given),
    ...validateNetworkingAnnotations(given),
  ];
}

function validateLimits(spec: RevisionSpec, defaults: DefaultsConfig): FieldError[] {
  const { timeoutSeconds = 0, containerConcurrency } = spec;
  const errors: FieldError[] = [];
  if (timeoutSeconds < 0 || timeoutSeconds > defaults.maxRevisionTimeoutSeconds) {
    errors.push(outOfBounds(timeoutSeconds, { min: 0, max: defaults.maxRevisionTimeoutSeconds }, "timeoutSeconds"));
  }
  const bounds = { min: defaults.allowContainerConcurrencyZero ? 0 : 1, max: defaults.containerConcurrencyMaxLimit };
  if (containerConcurrency !== undefined && (containerConcurrency < bounds.min || containerConcurrency > bounds.max)) {
    errors.push(outOfBounds(containerConcurrency, bounds, "containerConcurrency"));
  }
  return errors;
}

function validateTemplateName({ name = "", generateName = "" }: ObjectMeta, parent: ObjectMeta): FieldError[] {
  const errors = validateGenerateName(generateName, "generateName");
  if (name === "") return errors;
  const nameErrors = validateDNS1035Name(name, "name");
  if (nameErrors.length > 0) return [...errors, ...nameErrors];
  const parentName = parent.name ?? "";
  // Nobody can choose a name that begins with one which is yet to be generated.
  if (parentName === "") return [...errors, disallowedField("name")];
  const prefix = `${parentName}-`;
  return name.startsWith(prefix) ? errors : [...errors, invalidValue(`"${name}" must have prefix "${prefix}"`, "name")];
}

const queueQuantities = [
  annotations.queueCpuRequest,
  annotations.queueCpuLimit,
  annotations.queueMemoryRequest,
  annotations.queueMemoryLimit,
  annotations.queueEphemeralStorageRequest,
  annotations.queueEphemeralStorageLimit,
];

const deprecatedPercentageText =
  "Queue proxy resource percentage annotation is deprecated. Please use the available annotations to explicitly set " +
  "resource values per service";

// Kelvin has no sidecar, so these have no effect; they are checked so that a typing error is found here and not elsewhere.
function validateQueueResources(given: Readonly<Record<string, string>>): FieldError[] {
  const errors = queueQuantities
    .filter((key) => given[key] !== undefined && !isQuantity(given[key]))
    .map((key) => invalidValue(given[key], key));
  const keys = [annotations.queueResourcePercentage, annotations.queueResourcePercentageAlternative];
  const key = keys.find((candidate) => given[candidate] !== undefined);
  if (key === undefined) return errors;
  const raw = given[key] ?? "";
  const percentage = raw.trim() === "" ? Number.NaN : Number(raw);
  errors.push(asWarning(fieldError(deprecatedPercentageText, [key])));
  if (!Number.isFinite(percentage)) errors.push(invalidValue(raw, key));
  else if (percentage < 0.1 || percentage > 100) errors.push(outOfBounds(percentage, { min: 0.1, max: 100 }, key));
  return errors;
}

const networkingPrefix = "networking.knative.dev/";
const networkingKeys = new Set(
  [
    "ingress.class",
    "ingress-class",
    "certificate.class",
    "certificate-class",
    "disableAutoTLS",
    "disable-auto-tls",
    "disable-external-domain-tls",
    "httpOption",
    "http-protocol",
  ].map((name) => networkingPrefix + name),
);

function validateNetworkingAnnotations(given: Readonly<Record<string, string>>): FieldError[] {
  return Object.keys(given)
    .filter((key) => key.startsWith(networkingPrefix) && !networkingKeys.has(key))
    .map((key) => invalidKeyName(key, ""));
}
