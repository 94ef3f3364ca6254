import { differenceText } from "../../meta/equality.ts";
import {
  fieldError,
  invalidValue,
  missingField,
  viaField,
  viaFieldIndex,
  type FieldError,
} from "../../meta/field-error.ts";
import { specErrors } from "../../meta/schema-check.ts";
import type { EventingAdmissionContext } from "../context.ts";
import { defaultEventType, isWrittenByAttributes } from "./event-type.defaults.ts";
import { EventType, type EventAttribute } from "./event-type.types.ts";

/** What is wrong with the object, and with its change from `context.old`: its spec never changes. Default it first. */
export function validateEventType(
  eventType: EventType,
  { old }: Pick<EventingAdmissionContext<EventType>, "old">,
): FieldError[] {
  const shapeErrors = specErrors(EventType, eventType);
  if (shapeErrors.length > 0) return shapeErrors;
  const { type = "", attributes = [] } = eventType.spec ?? {};
  const typeField = isWrittenByAttributes(eventType) ? "attributes[type]" : "type";
  return [
    ...viaField([...(type === "" ? [missingField(typeField)] : []), ...validateAttributes(attributes)], "spec"),
    ...(old === undefined ? [] : validateChange(eventType, old)),
  ];
}

function validateAttributes(attributes: readonly EventAttribute[]): FieldError[] {
  const names = attributes.map(({ name = "" }) => name);
  return attributes.flatMap(({ name = "" }, index) => {
    const errors: FieldError[] = [];
    if (name === "") errors.push(missingField("name"));
    else if (!/^[a-z0-9]+$/.test(name))
      errors.push(invalidValue(name, "name", "must be lower case letters and digits"));
    if (name !== "" && names.indexOf(name) < index) errors.push(fieldError("duplicate attribute", ["name"]));
    return viaFieldIndex(errors, "attributes", index);
  });
}

// Compared as if the stored one had the fields of all versions, as this one has.
function validateChange(eventType: EventType, stored: EventType): FieldError[] {
  const old = structuredClone(stored);
  defaultEventType(old);
  const difference = differenceText(old.spec, eventType.spec);
  return difference === "" ? [] : [fieldError("Immutable fields changed (-old +new)", ["spec"], difference)];
}
