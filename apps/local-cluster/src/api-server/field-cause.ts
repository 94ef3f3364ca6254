import type { StatusCause } from "./status-error.ts";

// The texts of field errors as Kubernetes prints them.

export function required(field: string, detail = ""): StatusCause {
  return { reason: "FieldValueRequired", message: withDetail("Required value", detail), field };
}

export function invalidValue(field: string, value: unknown, detail: string): StatusCause {
  return {
    reason: "FieldValueInvalid",
    message: withDetail(`Invalid value: ${printed(value)}`, detail),
    field,
  };
}

export function wrongType(field: string, value: unknown, detail: string): StatusCause {
  return {
    reason: "FieldValueTypeInvalid",
    message: withDetail(`Invalid value: ${printed(typeName(value))}`, detail),
    field,
  };
}

export function notSupported(field: string, value: unknown, supported: readonly unknown[]): StatusCause {
  return {
    reason: "FieldValueNotSupported",
    message: `Unsupported value: ${printed(value)}: supported values: ${supported.map(printed).join(", ")}`,
    field,
  };
}

export function forbiddenField(field: string, detail: string): StatusCause {
  return { reason: "FieldValueForbidden", message: withDetail("Forbidden", detail), field };
}

export function duplicate(field: string, value: unknown): StatusCause {
  return { reason: "FieldValueDuplicate", message: `Duplicate value: ${printed(value)}`, field };
}

function withDetail(text: string, detail: string): string {
  return detail === "" ? text : `${text}: ${detail}`;
}

function printed(value: unknown): string {
  return JSON.stringify(value) ?? "null";
}

/** The name JSON Schema has for the type of a value. */
export function typeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}
