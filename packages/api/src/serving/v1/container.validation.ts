import {
  fieldError,
  invalidValue,
  missingField,
  missingOneOf,
  multipleOneOf,
  outOfBounds,
  viaField,
  viaFieldIndex,
  viaKey,
  type FieldError,
} from "../../meta/field-error.ts";
import { disallowedFields } from "../../meta/field-mask.ts";
import { isQuantity, quantityErrorText } from "../../meta/quantity.ts";
import type { FeaturesConfig } from "../config/features-config.ts";
import type { Container, ContainerPort, EnvFromSource, EnvVar, ResourceRequirements } from "./container.types.ts";
import { parseImageReference } from "./image-reference.ts";
import { validateSecurityContext } from "./security-context.validation.ts";
import type { Volume } from "./volume.types.ts";
import { validateVolumeMounts } from "./volume.validation.ts";

const allowedFields = [
  "args",
  "command",
  "env",
  "envFrom",
  "image",
  "imagePullPolicy",
  "livenessProbe",
  "name",
  "ports",
  "readinessProbe",
  "resources",
  "securityContext",
  "startupProbe",
  "terminationMessagePath",
  "terminationMessagePolicy",
  "volumeMounts",
  "workingDir",
];

// The first is a container of other implementations; the ports and variables below are kept free for them too, so that what
// Kelvin accepts runs everywhere.
const reservedContainerName = "queue-proxy";
const reservedPorts = new Set([8008, 8012, 8013, 8022, 9090, 9091]);
const reservedVariables = new Set(["K_SERVICE", "K_CONFIGURATION", "K_REVISION"]);
const portNames = new Set(["", "http1", "h2c"]);

/** What the rules for a container depend on. */
export interface ContainerContext {
  readonly volumes: readonly Volume[];
  readonly features: FeaturesConfig;
  /** Whether requests go to it. Others may set $PORT themselves. */
  readonly isServing: boolean;
}

/** What is wrong with a container, its probes excepted. */
export function validateContainer(container: Container, context: ContainerContext): FieldError[] {
  const { name = "", terminationMessagePolicy = "", imagePullPolicy = "" } = container;
  const errors = disallowedFields(container, allowedFields);
  if (name === reservedContainerName) errors.push(fieldError(`"${name}" is a reserved container name`, ["name"]));
  if (!["", "Always", "IfNotPresent", "Never"].includes(imagePullPolicy)) {
    errors.push(invalidValue(imagePullPolicy, "imagePullPolicy"));
  }
  if (!["", "File", "FallbackToLogsOnError"].includes(terminationMessagePolicy)) {
    errors.push(invalidValue(terminationMessagePolicy, "terminationMessagePolicy"));
  }
  return [
    ...errors,
    ...(container.env ?? []).flatMap((variable, index) => viaFieldIndex(validateEnv(variable, context), "env", index)),
    ...(container.envFrom ?? []).flatMap((source, index) => viaFieldIndex(validateEnvFrom(source), "envFrom", index)),
    ...validateImage(container.image ?? ""),
    ...validatePort(container.ports?.[0]),
    ...validateResources(container.resources),
    ...validateSecurityContext(container.securityContext, context.features),
    ...validateVolumeMounts(container, context.volumes, context.features),
  ];
}

function validateEnv({ name = "", valueFrom }: EnvVar, { features, isServing }: ContainerContext): FieldError[] {
  const isReserved = reservedVariables.has(name) || (isServing && name === "PORT");
  const errors: FieldError[] = [];
  if (name === "") errors.push(missingField("name"));
  if (isReserved) errors.push(fieldError(`"${name}" is a reserved environment variable`, ["name"]));
  const refs = ["configMapKeyRef", "secretKeyRef"];
  const allowed = features.podSpecFieldRef === "Disabled" ? refs : [...refs, "fieldRef", "resourceFieldRef"];
  return [...errors, ...viaField(disallowedFields(valueFrom, allowed), "valueFrom")];
}

function validateEnvFrom({ configMapRef, secretRef }: EnvFromSource): FieldError[] {
  if (configMapRef !== undefined && secretRef !== undefined) return [multipleOneOf("configMapRef", "secretRef")];
  if (configMapRef === undefined && secretRef === undefined) return [missingOneOf("configMapRef", "secretRef")];
  return [];
}

function validateImage(image: string): FieldError[] {
  if (image === "") return [missingField("image")];
  try {
    parseImageReference(image);
    return [];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return [fieldError("Failed to parse image reference", ["image"], `image: "${image}", error: ${reason}`)];
  }
}

// That there is only one is checked over all containers together.
function validatePort(port: ContainerPort | undefined): FieldError[] {
  if (port === undefined) return [];
  const { containerPort = 0, name = "", protocol = "" } = port;
  const errors = disallowedFields(port, ["containerPort", "name", "protocol"]);
  if (protocol !== "" && protocol !== "TCP") errors.push(invalidValue(protocol, "protocol"));
  if (reservedPorts.has(containerPort)) {
    errors.push(invalidValue(`${containerPort} is a reserved port`, "containerPort"));
  }
  if (containerPort < 0 || containerPort > 65_535) {
    errors.push(outOfBounds(containerPort, { min: 0, max: 65_535 }, "containerPort"));
  }
  if (!portNames.has(name)) {
    errors.push(fieldError(`Port name ${name} is not allowed`, [""], "Name must be empty, or one of: 'h2c', 'http1'"));
  }
  return viaField(errors, "ports");
}

function validateResources(resources: ResourceRequirements | undefined): FieldError[] {
  if (resources === undefined) return [];
  const quantities = (["requests", "limits"] as const).flatMap((bound) =>
    Object.entries(resources[bound] ?? {})
      .filter(([, quantity]) => !isQuantity(quantity))
      .flatMap(([resource, quantity]) =>
        viaField(viaKey([invalidValue(quantity, "", quantityErrorText)], resource), bound),
      ),
  );
  return viaField([...disallowedFields(resources, ["requests", "limits"]), ...quantities], "resources");
}
