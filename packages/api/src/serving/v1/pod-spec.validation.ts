import { dns1123SubdomainProblems } from "../../meta/dns-names.ts";
import {
  fieldError,
  invalidValue,
  missingField,
  viaField,
  viaFieldIndex,
  type FieldError,
} from "../../meta/field-error.ts";
import { disallowedFields, isSet } from "../../meta/field-mask.ts";
import type { FeatureName, FeaturesConfig } from "../config/features-config.ts";
import type { Container, ContainerPort } from "./container.types.ts";
import { isServing } from "./container.defaults.ts";
import { validateContainer } from "./container.validation.ts";
import { userPortDefault } from "./labels.ts";
import type { PodSpec } from "./pod-spec.types.ts";
import { validateForbiddenProbe, validateProbe, validateReadinessProbe, type ProbePort } from "./probe.validation.ts";
import { validatePodSecurityContext, warnOfInsecureDefaults } from "./security-context.validation.ts";
import { validateVolumes } from "./volume.validation.ts";

const alwaysAllowed = [
  "containers",
  "enableServiceLinks",
  "imagePullSecrets",
  "initContainers",
  "serviceAccountName",
  "volumes",
];

const gatedFields: Readonly<Partial<Record<keyof PodSpec, FeatureName>>> = {
  affinity: "podSpecAffinity",
  dnsConfig: "podSpecDNSConfig",
  dnsPolicy: "podSpecDNSPolicy",
  hostAliases: "podSpecHostAliases",
  hostIPC: "podSpecHostIPC",
  hostNetwork: "podSpecHostNetwork",
  hostPID: "podSpecHostPID",
  nodeSelector: "podSpecNodeSelector",
  priorityClassName: "podSpecPriorityClassName",
  runtimeClassName: "podSpecRuntimeClassName",
  schedulerName: "podSpecSchedulerName",
  securityContext: "podSpecSecurityContext",
  shareProcessNamespace: "podSpecShareProcessNamespace",
  tolerations: "podSpecTolerations",
  topologySpreadConstraints: "podSpecTopologySpreadConstraints",
};

/** What is wrong with the pod of a Revision. `spec` may carry the Revision's own fields besides. */
export function validatePodSpec(spec: PodSpec, features: FeaturesConfig): FieldError[] {
  const { containers = [], initContainers = [], volumes = [] } = spec;
  const mounted = new Set(
    [...containers, ...initContainers].flatMap(({ volumeMounts = [] }) => volumeMounts.map(({ name = "" }) => name)),
  );
  return [
    ...disallowedFields(spec, allowedFields(spec, features)),
    ...validatePodSecurityContext(spec.securityContext),
    ...viaField(validateVolumes(volumes, mounted, features), "volumes"),
    ...validateContainers(spec, features),
    ...validateInitContainers(spec, features),
    ...validateNames([...containers.map(inList("containers")), ...initContainers.map(inList("initContainers"))]),
    ...validateServiceAccountName(spec.serviceAccountName ?? ""),
  ];
}

function allowedFields(spec: PodSpec, features: FeaturesConfig): string[] {
  const open = Object.entries(gatedFields)
    .filter(([, feature]) => features[feature] !== "Disabled")
    .map(([field]) => field);
  // Only the safe half of these two may be said.
  const safe = [
    ...(features.securePodDefaults === "Disabled" ? [] : ["securityContext"]),
    ...(spec.automountServiceAccountToken === true ? [] : ["automountServiceAccountToken"]),
  ];
  return [...alwaysAllowed, ...revisionFields, ...open, ...safe];
}

const revisionFields = ["containerConcurrency", "idleTimeoutSeconds", "responseStartTimeoutSeconds", "timeoutSeconds"];

function validateContainers(spec: PodSpec, features: FeaturesConfig): FieldError[] {
  const { containers = [] } = spec;
  if (containers.length === 0) return [missingField("containers")];
  if (containers.length > 1 && features.multiContainer === "Disabled") {
    return [fieldError(`multi-container is off, but found ${containers.length} containers`, ["containers"])];
  }
  const errors = containers.flatMap((container, index) =>
    viaFieldIndex(validateOneContainer(container, spec, features), "containers", index),
  );
  return [...validatePorts(containers), ...errors];
}

function validateOneContainer(container: Container, spec: PodSpec, features: FeaturesConfig): FieldError[] {
  const serves = isServing(container, spec);
  return [
    ...validateContainer(container, { volumes: spec.volumes ?? [], features, isServing: serves }),
    ...(serves
      ? validateProbes(container, { containerPort: userPortDefault, ...container.ports?.[0] })
      : validateSidecarProbes(container, features)),
    ...warnOfInsecureDefaults(container.securityContext, spec.securityContext),
  ];
}

function validateProbes(container: Container, port: ProbePort): FieldError[] {
  return [
    ...viaField(validateProbe(container.livenessProbe, port), "livenessProbe"),
    ...viaField(validateReadinessProbe(container.readinessProbe, port), "readinessProbe"),
    ...viaField(validateProbe(container.startupProbe, port), "startupProbe"),
  ];
}

function validateSidecarProbes(container: Container, features: FeaturesConfig): FieldError[] {
  if (features.multiContainerProbing !== "Disabled") return validateProbes(container, undefined);
  return [
    ...viaField(validateForbiddenProbe(container.livenessProbe), "livenessProbe"),
    ...viaField(validateForbiddenProbe(container.readinessProbe), "readinessProbe"),
    ...viaField(validateForbiddenProbe(container.startupProbe), "startupProbe"),
  ];
}

function validatePorts(containers: readonly Container[]): FieldError[] {
  const ports: ContainerPort[] = containers.flatMap((container) => container.ports ?? []);
  const errors: FieldError[] = [];
  if (ports.length === 0 && containers.length > 1) errors.push(missingField("ports"));
  if (ports.length > 1) {
    const details = "Only a single port is allowed across all containers";
    errors.push(fieldError("more than one container port is set", ["ports"], details));
  }
  return viaField(errors, "containers[*]");
}

const notForInitContainers = ["livenessProbe", "readinessProbe", "startupProbe", "ports", "lifecycle"] as const;

function validateInitContainers(spec: PodSpec, features: FeaturesConfig): FieldError[] {
  const { initContainers = [], volumes = [] } = spec;
  if (initContainers.length === 0) return [];
  if (features.podSpecInitContainers === "Disabled") {
    const text = `pod spec support for init-containers is off, but found ${initContainers.length} init containers`;
    return [fieldError(text, ["initContainers"])];
  }
  return initContainers.flatMap((container, index) => {
    const errors = notForInitContainers
      .filter((field) => isSet(container[field]))
      .map((field) => fieldError("field not allowed in an init container", [field]));
    const others = validateContainer(container, { volumes, features, isServing: false });
    return viaFieldIndex([...errors, ...others], "initContainers", index);
  });
}

interface PlacedContainer {
  readonly name: string;
  readonly path: string;
}

function inList(list: string): (container: Container, index: number) => PlacedContainer {
  return ({ name = "" }, index) => ({ name, path: `${list}[${index}].name` });
}

function validateNames(containers: readonly PlacedContainer[]): FieldError[] {
  const seen = new Set<string>();
  return containers.flatMap(({ name, path }) => {
    const isDuplicate = name !== "" && seen.has(name);
    seen.add(name);
    return isDuplicate ? [fieldError(`duplicate container name "${name}"`, [path])] : [];
  });
}

function validateServiceAccountName(name: string): FieldError[] {
  const problems = name === "" ? [] : dns1123SubdomainProblems(name);
  return problems.map((problem) => invalidValue(name, "serviceAccountName", problem));
}
