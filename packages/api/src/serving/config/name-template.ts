/** Makes a name out of the values that a template in a ConfigMap may refer to. */
export type NameTemplate = (values: TemplateValues) => string;

/** What templates see; nested maps are reached with `{{index .Labels "key"}}`. */
export type TemplateValues = Readonly<Record<string, string | Readonly<Record<string, string>>>>;

/**
 * Compiles the part of Go's text/template that names need: `{{.Field}}`, `{{index .Map "key"}}`, and text around them.
 * It is run once on `sample`, so that a typing error is found when the ConfigMap is read.
 * @throws RangeError that quotes the action it does not understand.
 */
export function compileNameTemplate(source: string, sample: TemplateValues): NameTemplate {
  const parts = source
    .split(/\{\{-?(.*?)-?\}\}/s)
    .map((part, index) => (index % 2 === 0 ? literal(part) : action(part)));
  const template: NameTemplate = (values) => parts.map((part) => part(values)).join("");
  template(sample);
  return template;
}

function literal(text: string): NameTemplate {
  if (text.includes("{{")) throw new RangeError(`"${text}" opens an action that it does not close`);
  return () => text;
}

function action(source: string): NameTemplate {
  const text = source.trim();
  const field = /^\.(\w+)$/.exec(text)?.[1];
  if (field !== undefined) return (values) => textOf(values, field);
  const [, map, key] = /^index\s+\.(\w+)\s+"([^"]*)"$/.exec(text) ?? [];
  if (map !== undefined && key !== undefined) return (values) => mapOf(values, map)[key] ?? "";
  throw new RangeError(`{{${source}}} is not supported: use {{.Field}} or {{index .Map "key"}}`);
}

function textOf(values: TemplateValues, field: string): string {
  const value = values[field];
  if (typeof value !== "string") throw new RangeError(`{{.${field}}} is not known: use ${fieldNames(values)}`);
  return value;
}

function mapOf(values: TemplateValues, field: string): Readonly<Record<string, string>> {
  const value = values[field];
  if (typeof value !== "object") throw new RangeError(`{{index .${field} …}} is not a map: use ${fieldNames(values)}`);
  return value;
}

function fieldNames(values: TemplateValues): string {
  return Object.keys(values)
    .map((name) => `.${name}`)
    .join(", ");
}
