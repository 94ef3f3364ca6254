/**
 * One thing that is wrong with an object, and where. Validation returns lists of these; an empty list is a valid object.
 * Paths are relative to what was validated until `viaField` and its like put it into its place.
 */
export interface FieldError {
  /** A warning is shown to the user and does not refuse the object. */
  readonly level: "error" | "warning";
  readonly message: string;
  readonly paths: readonly string[];
  /** More for people, on lines of its own. */
  readonly details?: string;
}

/** Says that fields must be given. */
export function missingField(...paths: string[]): FieldError {
  return { level: "error", message: "missing field(s)", paths };
}

/** Says that fields must not be given. */
export function disallowedField(...paths: string[]): FieldError {
  return { level: "error", message: "must not set the field(s)", paths };
}

/** Says that a value is not one of those allowed. */
export function invalidValue(value: unknown, path: string, details?: string): FieldError {
  return fieldError(`invalid value: ${String(value)}`, [path], details);
}

/** Says that a value is not within its bounds, which are included. */
export function outOfBounds(
  value: number | string,
  bounds: { min: number | string; max: number | string },
  path: string,
): FieldError {
  return fieldError(`expected ${bounds.min} <= ${value} <= ${bounds.max}`, [path]);
}

/** Says that one of several fields must be given. */
export function missingOneOf(...paths: string[]): FieldError {
  return { level: "error", message: "expected exactly one, got neither", paths };
}

/** Says that only one of several fields may be given. */
export function multipleOneOf(...paths: string[]): FieldError {
  return { level: "error", message: "expected exactly one, got both", paths };
}

/** Says that a key may not be used here. */
export function invalidKeyName(key: string, path: string, details?: string): FieldError {
  return fieldError(`invalid key name "${key}"`, [path], details);
}

/** Any other error, in words of its own. */
export function fieldError(message: string, paths: readonly string[], details?: string): FieldError {
  return details === undefined || details === ""
    ? { level: "error", message, paths }
    : { level: "error", message, paths, details };
}

/** The same, as a warning. */
export function asWarning(error: FieldError): FieldError {
  return { ...error, level: "warning" };
}

/** Puts the errors of a field's content below that field. */
export function viaField(errors: readonly FieldError[], ...fields: string[]): FieldError[] {
  return errors.map((error) => ({ ...error, paths: error.paths.map((path) => joinPath([...fields, path])) }));
}

/** Puts the errors of an element below its index. */
export function viaIndex(errors: readonly FieldError[], index: number): FieldError[] {
  return viaField(errors, `[${index}]`);
}

/** Puts the errors of an element below the list and its index: `containers[0]`. */
export function viaFieldIndex(errors: readonly FieldError[], field: string, index: number): FieldError[] {
  return viaField(errors, field, `[${index}]`);
}

/** Puts the errors of a value below its key: `[key]`. */
export function viaKey(errors: readonly FieldError[], key: string): FieldError[] {
  return viaField(errors, `[${key}]`);
}

/**
 * The text that Knative's users know: equal errors are merged with all their paths, sorted, one a line,
 * `<message>: <path>, <path>` and the details below. Warnings are left out. Empty when there is no error.
 */
export function fieldErrorText(errors: readonly FieldError[]): string {
  return textsOf(errors, "error").join("\n");
}

/** The warnings in the same form, one string each. */
export function fieldWarningTexts(errors: readonly FieldError[]): string[] {
  return textsOf(errors, "warning");
}

/** Whether anything in the list refuses the object. */
export function hasErrors(errors: readonly FieldError[]): boolean {
  return errors.some(({ level }) => level === "error");
}

function textsOf(errors: readonly FieldError[], level: FieldError["level"]): string[] {
  return mergeErrors(errors.filter((error) => error.level === level)).map(({ message, paths, details = "" }) => {
    const text = `${message}: ${paths.join(", ")}`;
    return details === "" ? text : `${text}\n${details}`;
  });
}

function mergeErrors(errors: readonly FieldError[]): FieldError[] {
  const merged = new Map<string, FieldError>();
  for (const error of errors) {
    const key = JSON.stringify([error.message, error.details ?? ""]);
    const paths = [...(merged.get(key)?.paths ?? []), ...error.paths];
    merged.set(key, { ...error, paths: [...new Set(paths)].toSorted() });
  }
  return [...merged.values()].toSorted(
    (a, b) => compareText(a.message, b.message) || compareText(a.details ?? "", b.details ?? ""),
  );
}

// "foo", "[0]", "bar" → foo[0].bar. The empty path and "." stand for the field itself.
function joinPath(parts: readonly string[]): string {
  let path = "";
  for (const part of parts) {
    if (part === "" || part === ".") continue;
    path += path === "" || part.startsWith("[") ? part : `.${part}`;
  }
  return path;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
