import {
  fieldError,
  invalidKeyName,
  invalidValue,
  missingField,
  viaField,
  viaFieldIndex,
  type FieldError,
} from "../../meta/field-error.ts";
import { specErrors } from "../../meta/schema-check.ts";
import { Bus, ClusterBus, type BusContainer, type BusParameter } from "./bus.types.ts";
import { busAnnotations } from "./labels.ts";

/** The buses that Kelvin brings. */
export const ownBuses = ["stub", "nats", "kafka", "gcppubsub"] as const;

const configMapKey = /^[-._a-zA-Z0-9]{1,253}$/;

/** What is wrong with a Bus. */
export function validateBus(bus: Bus): FieldError[] {
  return validate(bus, specErrors(Bus, bus));
}

/** What is wrong with a ClusterBus. */
export function validateClusterBus(bus: ClusterBus): FieldError[] {
  return validate(bus, specErrors(ClusterBus, bus));
}

function validate({ metadata, spec }: Bus, shapeErrors: FieldError[]): FieldError[] {
  if (shapeErrors.length > 0) return shapeErrors;
  const { parameters, dispatcher, provisioner } = spec ?? {};
  // One of Kelvin's own has Kelvin's image, whatever is written there.
  const isOwn = metadata.annotations?.[busAnnotations.bus] !== undefined;
  return [
    ...validateAnnotations(metadata.annotations),
    ...viaField(
      [
        ...validateParameters(parameters?.channel, "channel"),
        ...validateParameters(parameters?.subscription, "subscription"),
      ],
      "spec",
      "parameters",
    ),
    ...(dispatcher === undefined ? [missingField("spec.dispatcher")] : []),
    ...validateLists(dispatcher, "dispatcher"),
    ...validateLists(provisioner, "provisioner"),
    ...(isOwn
      ? []
      : [...validateContainer(dispatcher, "dispatcher"), ...validateContainer(provisioner, "provisioner")]),
  ];
}

function validateAnnotations(annotations: Readonly<Record<string, string>> = {}): FieldError[] {
  const value = annotations[busAnnotations.bus];
  if (value === undefined || ownBuses.some((known) => known === value)) return [];
  const known = `must be one of ${ownBuses.join(", ")}, or absent: then the dispatcher runs as it is`;
  return [invalidValue(value, `metadata.annotations.[${busAnnotations.bus}]`, known)];
}

function validateParameters(parameters: readonly BusParameter[] = [], field: string): FieldError[] {
  return parameters.flatMap(({ name }, index) => {
    const isRepeated = parameters.findIndex((other) => other.name === name) < index;
    const errors = [
      ...(configMapKey.test(name)
        ? []
        : [invalidKeyName(name, "name", "a parameter's name has 1 to 253 letters, digits, '-', '_' and '.'")]),
      ...(isRepeated ? [fieldError(`duplicate parameter "${name}"`, ["name"])] : []),
    ];
    return viaFieldIndex(errors, field, index);
  });
}

function validateContainer(container: BusContainer | undefined, field: string): FieldError[] {
  const isWithoutImage = container !== undefined && (container.image ?? "") === "";
  return isWithoutImage ? viaField([missingField("image")], "spec", field) : [];
}

/** What is looked into must be what Kubernetes has there; the rest it checks itself. */
function validateLists(container: BusContainer = {}, field: string): FieldError[] {
  return ["env", "ports"].flatMap((list) => {
    const value = container[list];
    if (value === undefined || (Array.isArray(value) && value.every(isObject))) return [];
    return viaField([invalidValue(JSON.stringify(value), list, "must be a list of objects")], "spec", field);
  });
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
