import {
  asWarning,
  disallowedField,
  fieldError,
  outOfBounds,
  viaField,
  type FieldError,
} from "../../meta/field-error.ts";
import { disallowedFields } from "../../meta/field-mask.ts";
import type { FeaturesConfig } from "../config/features-config.ts";
import type { SecurityContext } from "./container.types.ts";
import type { PodSecurityContext } from "./pod-spec.types.ts";

const idMax = 2_147_483_647;

const containerFields = [
  "allowPrivilegeEscalation",
  "capabilities",
  "readOnlyRootFilesystem",
  "runAsGroup",
  "runAsNonRoot",
  "runAsUser",
  "seccompProfile",
];

const podFields = [
  "fsGroup",
  "fsGroupChangePolicy",
  "runAsGroup",
  "runAsNonRoot",
  "runAsUser",
  "seccompProfile",
  "supplementalGroups",
];

/** What is wrong with a container's security context. Paths begin with `securityContext`. */
export function validateSecurityContext(context: SecurityContext | undefined, features: FeaturesConfig): FieldError[] {
  if (context === undefined) return [];
  const canAdd = features.containerSpecAddCapabilities !== "Disabled" || features.securePodDefaults !== "Disabled";
  const errors = [...disallowedFields(context, containerFields), ...validateIds(context, ["runAsUser", "runAsGroup"])];
  if (!canAdd && (context.capabilities?.add ?? []).length > 0) errors.push(disallowedField("capabilities.add"));
  return viaField(errors, "securityContext");
}

/** What is wrong with a pod's security context, once it may be set at all. Paths begin with `securityContext`. */
export function validatePodSecurityContext(context: PodSecurityContext | undefined): FieldError[] {
  if (context === undefined) return [];
  const errors = [
    ...disallowedFields(context, podFields),
    ...validateIds(context, ["runAsUser", "runAsGroup", "fsGroup"]),
    ...(context.supplementalGroups ?? [])
      .map((group, index) => ({ group, index }))
      .filter(({ group }) => !isId(group))
      .map(({ group, index }) => outOfBounds(group, { min: 0, max: idMax }, `supplementalGroups[${index}]`)),
  ];
  return viaField(errors, "securityContext");
}

/** Warns of what Kubernetes leaves open unless a container closes it. Paths begin with `securityContext`. */
export function warnOfInsecureDefaults(context: SecurityContext = {}, pod: PodSecurityContext = {}): FieldError[] {
  const open = {
    allowPrivilegeEscalation: context.allowPrivilegeEscalation === undefined,
    seccompProfile: context.seccompProfile === undefined && pod.seccompProfile === undefined,
    capabilities: context.capabilities === undefined,
    runAsNonRoot: context.runAsNonRoot === undefined && pod.runAsNonRoot === undefined,
  };
  const warnings = Object.entries(open)
    .filter(([, isOpen]) => isOpen)
    .map(([field]) => asWarning(fieldError(insecureText, [field])));
  return viaField(warnings, "securityContext");
}

const insecureText = "Kubernetes default value is insecure, Knative may default this to secure in a future release";

type Ids = Partial<Record<"runAsUser" | "runAsGroup" | "fsGroup", number>>;

function validateIds(ids: Ids, fields: readonly (keyof Ids)[]): FieldError[] {
  return fields.flatMap((field) => {
    const id = ids[field];
    return id === undefined || isId(id) ? [] : [outOfBounds(id, { min: 0, max: idMax }, field)];
  });
}

function isId(id: number): boolean {
  return id >= 0 && id <= idMax;
}
