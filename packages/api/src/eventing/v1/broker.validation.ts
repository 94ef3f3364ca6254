import { validateDelivery, validateReference } from "../../duck/destination.validation.ts";
import { differenceText } from "../../meta/equality.ts";
import { fieldError, missingField, viaField, type FieldError } from "../../meta/field-error.ts";
import { specErrors } from "../../meta/schema-check.ts";
import type { EventingAdmissionContext } from "../context.ts";
import { defaultBroker } from "./broker.defaults.ts";
import { Broker } from "./broker.types.ts";
import { eventingAnnotations } from "./labels.ts";

type Context = Pick<EventingAdmissionContext<Broker>, "config" | "old">;

/** What is wrong with the object, and with its change from `context.old`. Default it first. */
export function validateBroker(broker: Broker, context: Context): FieldError[] {
  const shapeErrors = specErrors(Broker, broker);
  if (shapeErrors.length > 0) return shapeErrors;
  const { features } = context.config;
  const { config, delivery } = broker.spec ?? {};
  const errors = [
    ...(classOf(broker) === "" ? [missingField(eventingAnnotations.brokerClass)] : []),
    ...viaField(config === undefined ? [] : validateReference(config, features), "spec", "config"),
    ...viaField(validateDelivery(delivery, features), "spec", "delivery"),
  ];
  return context.old === undefined ? errors : [...errors, ...validateChange(broker, context.old, context)];
}

// An object that was stored before there were defaults is compared as if it had them.
function validateChange(broker: Broker, stored: Broker, { config }: Context): FieldError[] {
  const old = structuredClone(stored);
  defaultBroker(old, { config });
  const difference = differenceText({ config: old.spec?.config }, { config: broker.spec?.config });
  if (difference !== "") return [fieldError("Immutable fields changed (-old +new)", ["spec"], difference)];
  const classDifference = differenceText({ class: classOf(old) }, { class: classOf(broker) });
  return classDifference === ""
    ? []
    : [fieldError("Immutable annotations changed (-old +new)", ["annotations"], classDifference)];
}

function classOf({ metadata }: Broker): string {
  return metadata.annotations?.[eventingAnnotations.brokerClass] ?? "";
}
