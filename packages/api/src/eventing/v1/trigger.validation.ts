import {
  isEmptyDestination,
  validateDelivery,
  validateDestination,
  validateReference,
} from "../../duck/destination.validation.ts";
import { differenceText, isRecord } from "../../meta/equality.ts";
import {
  disallowedField,
  fieldError,
  missingField,
  multipleOneOf,
  viaField,
  type FieldError,
} from "../../meta/field-error.ts";
import { specErrors } from "../../meta/schema-check.ts";
import type { EventingConfig } from "../config/eventing-config.ts";
import type { EventingAdmissionContext } from "../context.ts";
import { validateAttributeFilter, validateFilters } from "./filter.validation.ts";
import { eventingAnnotations } from "./labels.ts";
import { Trigger, type TriggerSpec } from "./trigger.types.ts";

/** What is wrong with the object, and with its change from `context.old`. Default it first. */
export function validateTrigger(
  trigger: Trigger,
  { config, old }: Pick<EventingAdmissionContext<Trigger>, "config" | "old">,
): FieldError[] {
  const shapeErrors = specErrors(Trigger, trigger);
  if (shapeErrors.length > 0) return shapeErrors;
  return [
    ...viaField(validateSpec(trigger.spec ?? {}, config), "spec"),
    ...validateDependency(trigger),
    ...validateInjection(trigger),
    ...(old === undefined ? [] : validateChange(trigger.spec ?? {}, old.spec ?? {})),
  ];
}

function validateSpec(spec: TriggerSpec, { features }: EventingConfig): FieldError[] {
  const { filter, filters = [], subscriber, delivery } = spec;
  return [
    ...validateBrokerName(spec, features),
    ...viaField(validateAttributeFilter(filter), "filter"),
    ...viaField(validateFilters(filters), "filters"),
    ...viaField(
      subscriber === undefined || isEmptyDestination(subscriber)
        ? [fieldError("expected at least one, got none", ["ref", "uri"])]
        : validateDestination(subscriber, features),
      "subscriber",
    ),
    ...viaField(validateDelivery(delivery, features), "delivery"),
  ];
}

function validateBrokerName(
  { broker = "", brokerRef }: TriggerSpec,
  features: EventingConfig["features"],
): FieldError[] {
  if (brokerRef === undefined) return broker === "" ? [missingField("broker")] : [];
  if (features.crossNamespaceEventLinks === "Disabled") {
    return [{ ...disallowedField("brokerRef"), details: "it needs the feature cross-namespace-event-links" }];
  }
  if (broker !== "") return [multipleOneOf("broker", "brokerRef")];
  return viaField(validateReference(brokerRef, features), "brokerRef");
}

/** The object that a Trigger waits for, as its annotation names it. */
export interface TriggerDependency {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
}

/** The object that the Trigger waits for; undefined when there is none, or none that can be read. */
export function dependencyOf(trigger: Trigger): TriggerDependency | undefined {
  if (validateDependency(trigger).length > 0) return undefined;
  const text = trigger.metadata.annotations?.[eventingAnnotations.dependency];
  return text === undefined ? undefined : (JSON.parse(text) as TriggerDependency);
}

function validateDependency({ metadata }: Trigger): FieldError[] {
  const key = eventingAnnotations.dependency;
  const text = metadata.annotations?.[key];
  if (text === undefined) return [];
  const path = `metadata.annotations[${key}]`;
  const parsed = parseJson(text);
  if (!isRecord(parsed.value) || Object.values(parsed.value).some((value) => typeof value !== "string")) {
    const message = `The provided annotation was not a corev1.ObjectReference: ${JSON.stringify(text)}`;
    return [fieldError(message, [path], parsed.problem ?? "must be an object of texts: kind, name, apiVersion")];
  }
  const { namespace = "", ...fields } = parsed.value;
  const errors = ["kind", "name", "apiVersion"]
    .filter((name) => (fields[name] ?? "") === "")
    .map((name) => missingField(name));
  if (namespace !== "" && namespace !== (metadata.namespace ?? "")) {
    const message = `Namespace must be empty or equal to the trigger namespace "${metadata.namespace ?? ""}"`;
    errors.push(fieldError(message, ["namespace"]));
  }
  return viaField(errors, path);
}

function parseJson(text: string): { value?: unknown; problem?: string } {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

function validateInjection({ metadata }: Trigger): FieldError[] {
  const key = eventingAnnotations.injection;
  const word = metadata.annotations?.[key];
  if (word === undefined || word === "enabled" || word === "disabled") return [];
  const message = `The provided injection annotation value can only be "enabled" or "disabled", not ${JSON.stringify(word)}`;
  return [fieldError(message, [`metadata.annotations[${key}]`])];
}

function validateChange(spec: TriggerSpec, old: TriggerSpec): FieldError[] {
  const [before, after] = [old, spec].map(({ broker, brokerRef }) => ({ broker, brokerRef }));
  const difference = differenceText(before, after);
  return difference === "" ? [] : [fieldError("Immutable fields changed (-old +new)", ["spec.broker"], difference)];
}
