// Kubernetes' rules for names, with its texts, which users and conformance tests compare.

const dns1035LabelFormat = "[a-z]([-a-z0-9]*[a-z0-9])?";
const dns1123LabelFormat = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const dns1123SubdomainFormat = `${dns1123LabelFormat}(\\.${dns1123LabelFormat})*`;
const labelLengthMax = 63;
const subdomainLengthMax = 253;

/** What is wrong with it as a DNS-1035 label (a Service's name); empty when nothing is. */
export function dns1035LabelProblems(name: string): string[] {
  return problems(name, labelLengthMax, {
    format: dns1035LabelFormat,
    rule:
      "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with " +
      "an alphabetic character, and end with an alphanumeric character",
    examples: ["my-name", "abc-123"],
  });
}

/** What is wrong with it as a DNS-1123 label (a namespace); empty when nothing is. */
export function dns1123LabelProblems(name: string): string[] {
  return problems(name, labelLengthMax, {
    format: dns1123LabelFormat,
    rule:
      "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end " +
      "with an alphanumeric character",
    examples: ["my-name", "123-abc"],
  });
}

/** What is wrong with it as a DNS-1123 subdomain (most objects' names); empty when nothing is. */
export function dns1123SubdomainProblems(name: string): string[] {
  return problems(name, subdomainLengthMax, {
    format: dns1123SubdomainFormat,
    rule:
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start " +
      "and end with an alphanumeric character",
    examples: ["example.com"],
  });
}

/** What is wrong with it as the beginning of a DNS-1035 label (a generateName); empty when nothing is. */
export function dns1035PrefixProblems(prefix: string): string[] {
  // A dash at the end is fine, for something will follow.
  return dns1035LabelProblems(prefix.endsWith("-") ? `${prefix.slice(0, -1)}a` : prefix);
}

/** What is wrong with it as a qualified name (a label or annotation key); empty when nothing is. */
export function qualifiedNameProblems(key: string): string[] {
  const parts = key.split("/");
  if (parts.length > 2) {
    return [
      `a qualified name ${regexText(qualifiedName)} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const [prefix, name = ""] = parts.length === 2 ? parts : [undefined, key];
  const prefixProblems =
    prefix === undefined
      ? []
      : prefix === ""
        ? ["prefix part must be non-empty"]
        : dns1123SubdomainProblems(prefix).map((problem) => `prefix part ${problem}`);
  if (name === "") return [...prefixProblems, "name part must be non-empty"];
  return [...prefixProblems, ...problems(name, labelLengthMax, qualifiedName).map((problem) => `name part ${problem}`)];
}

interface NameRule {
  readonly format: string;
  readonly rule: string;
  readonly examples: readonly string[];
}

const qualifiedName: NameRule = {
  format: "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]",
  rule: "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  examples: ["MyName", "my.name", "123-abc"],
};

function problems(name: string, lengthMax: number, rule: NameRule): string[] {
  const found: string[] = [];
  if (name.length > lengthMax) found.push(`must be no more than ${lengthMax} characters`);
  if (!new RegExp(`^${rule.format}$`).test(name)) found.push(regexText(rule));
  return found;
}

// As Kubernetes' RegexError writes it.
function regexText({ format, rule, examples }: NameRule): string {
  const quoted = examples.map((example) => `'${example}'`).join(",  or ");
  return `${rule} (e.g. ${quoted}, regex used for validation is '${format}')`;
}
