import { qualifiedNameProblems } from "../../meta/dns-names.ts";
import { differenceText } from "../../meta/equality.ts";
import {
  fieldError,
  invalidValue,
  missingField,
  missingOneOf,
  multipleOneOf,
  viaField,
  viaFieldIndex,
  type FieldError,
} from "../../meta/field-error.ts";
import { specErrors } from "../../meta/schema-check.ts";
import type { BusArgument } from "./arguments.ts";
import { Channel, type ChannelSpec } from "./channel.types.ts";

/** What is wrong with a Channel, and with its change from `old`. */
export function validateChannel(channel: Channel, { old }: { readonly old?: Channel } = {}): FieldError[] {
  const shapeErrors = specErrors(Channel, channel);
  if (shapeErrors.length > 0) return shapeErrors;
  const spec = channel.spec ?? {};
  return [
    ...viaField([...validateBusName(spec), ...validateArguments(spec.arguments)], "spec"),
    ...(old === undefined ? [] : validateChange(spec, old.spec ?? {})),
  ];
}

/** What is wrong with arguments, by themselves: whether the bus declares them is for a condition. */
export function validateArguments(given: readonly BusArgument[] = []): FieldError[] {
  return given.flatMap(({ name }, index) => {
    const isRepeated = given.findIndex((other) => other.name === name) < index;
    if (name === "") return viaFieldIndex([missingField("name")], "arguments", index);
    return isRepeated ? viaFieldIndex([fieldError(`duplicate argument "${name}"`, ["name"])], "arguments", index) : [];
  });
}

function validateBusName({ bus = "", clusterBus = "" }: ChannelSpec): FieldError[] {
  if (bus === "" && clusterBus === "") return [missingOneOf("bus", "clusterBus")];
  if (bus !== "" && clusterBus !== "") return [multipleOneOf("bus", "clusterBus")];
  const [name, field] = bus === "" ? [clusterBus, "clusterBus"] : [bus, "bus"];
  const problems = qualifiedNameProblems(name);
  return problems.length === 0 ? [] : [invalidValue(name, field, problems.join("; "))];
}

function validateChange({ bus, clusterBus }: ChannelSpec, old: ChannelSpec): FieldError[] {
  const difference = differenceText({ bus: old.bus, clusterBus: old.clusterBus }, { bus, clusterBus });
  return difference === "" ? [] : [fieldError("Immutable fields changed (-old +new)", ["spec"], difference)];
}
