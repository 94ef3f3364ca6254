import { describe, expect, test } from "@jest/globals";
import {
  asWarning,
  disallowedField,
  fieldError,
  fieldErrorText,
  fieldWarningTexts,
  hasErrors,
  invalidKeyName,
  invalidValue,
  missingField,
  missingOneOf,
  multipleOneOf,
  outOfBounds,
  viaField,
  viaFieldIndex,
  viaIndex,
  viaKey,
  type FieldError,
} from "./field-error.ts";

describe("texts", () => {
  const rows: { errors: FieldError[]; want: string }[] = [
    { errors: [], want: "" },
    { errors: [missingField("a", "b")], want: "missing field(s): a, b" },
    { errors: [disallowedField("a")], want: "must not set the field(s): a" },
    { errors: [invalidValue(-1, "a")], want: "invalid value: -1: a" },
    { errors: [invalidValue("x", "a", "why")], want: "invalid value: x: a\nwhy" },
    { errors: [outOfBounds("5s", { min: "6s", max: "1h0m0s" }, "w")], want: "expected 6s <= 5s <= 1h0m0s: w" },
    { errors: [missingOneOf("a", "b")], want: "expected exactly one, got neither: a, b" },
    { errors: [multipleOneOf("a", "b")], want: "expected exactly one, got both: a, b" },
    { errors: [invalidKeyName("k", "a")], want: 'invalid key name "k": a' },
    // Equal errors become one with all paths, sorted and without repetition.
    { errors: [missingField("b"), missingField("a"), missingField("b")], want: "missing field(s): a, b" },
    // Different details are different errors; messages are sorted, then details.
    {
      errors: [fieldError("z", ["1"]), fieldError("a", ["2"], "y"), fieldError("a", ["3"], "x")],
      want: "a: 3\nx\na: 2\ny\nz: 1",
    },
    { errors: [asWarning(missingField("a"))], want: "" },
  ];
  test.each(rows)("$want", ({ errors, want }) => {
    expect(fieldErrorText(errors)).toBe(want);
  });
});

describe("paths", () => {
  const error = missingField("bar");
  const rows: { errors: FieldError[]; want: string }[] = [
    { errors: viaField([error], "foo"), want: "foo.bar" },
    { errors: viaField([error], "spec", "template"), want: "spec.template.bar" },
    { errors: viaFieldIndex([error], "foo", 0), want: "foo[0].bar" },
    { errors: viaField(viaIndex(viaIndex([error], 0), 1), "foo"), want: "foo[1][0].bar" },
    { errors: viaField(viaKey([missingField("")], "a.b/c"), "annotations"), want: "annotations[a.b/c]" },
    { errors: viaField([missingField("")], "spec", "traffic"), want: "spec.traffic" },
    { errors: viaField(viaField([missingField("ports")], "containers[*]"), "spec"), want: "spec.containers[*].ports" },
  ];
  test.each(rows)("$want", ({ errors, want }) => {
    expect(errors[0]?.paths).toEqual([want]);
  });
});

test("warnings are apart from errors", () => {
  const errors = [asWarning(fieldError("careful", ["a"])), asWarning(fieldError("careful", ["b"]))];
  expect(hasErrors(errors)).toBe(false);
  expect(fieldWarningTexts(errors)).toEqual(["careful: a, b"]);
  expect(hasErrors([...errors, missingField("c")])).toBe(true);
});
