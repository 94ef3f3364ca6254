import { dns1035LabelProblems, dns1035PrefixProblems } from "./dns-names.ts";
import { fieldError, type FieldError } from "./field-error.ts";
import type { ObjectMeta } from "./object-meta.ts";

/** What is wrong with an object's own name. Paths are relative to `metadata`. */
export function validateObjectName({ name = "", generateName = "" }: ObjectMeta): FieldError[] {
  if (name === "" && generateName === "") return [fieldError("name or generateName is required", ["name"])];
  const errors = validateGenerateName(generateName, "generateName");
  return errors.length > 0 ? errors : validateDNS1035Name(name, "name");
}

/** What is wrong with a name that must be a DNS-1035 label; the empty name is not looked at. */
export function validateDNS1035Name(name: string, path: string): FieldError[] {
  const problems = name === "" ? [] : dns1035LabelProblems(name);
  return problems.length === 0 ? [] : [fieldError(`not a DNS 1035 label: [${problems.join(" ")}]`, [path])];
}

/** What is wrong with the beginning of generated names; the empty one is not looked at. */
export function validateGenerateName(prefix: string, path: string): FieldError[] {
  const problems = prefix === "" ? [] : dns1035PrefixProblems(prefix);
  return problems.length === 0 ? [] : [fieldError(`not a DNS 1035 label prefix: [${problems.join(" ")}]`, [path])];
}
