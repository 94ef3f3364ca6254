import { disallowedField, type FieldError } from "./field-error.ts";

/**
 * Says which fields are set that are not among the allowed ones, all in one error. A field that is false, empty or null counts as
 * not set, for clients that write out every field.
 */
export function disallowedFields(object: object | undefined, allowed: readonly string[]): FieldError[] {
  const names = Object.entries(object ?? {})
    .filter(([name, value]) => isSet(value) && !allowed.includes(name))
    .map(([name]) => name);
  return names.length === 0 ? [] : [disallowedField(...names)];
}

/** Whether the field has a value that says something. */
export function isSet(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return value !== undefined && value !== null && value !== false && value !== "";
}
