/** Which headers go on: by their whole names, or by what they begin with. In lower case. */
export interface KeptNames {
  readonly names: ReadonlySet<string>;
  readonly prefixes: readonly string[];
}

/** Of headers (name, value, name, value) those that are kept, with their names in lower case. */
export function keepHeaders(headers: readonly string[], { names, prefixes }: KeptNames): string[] {
  const kept: string[] = [];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = (headers[index] ?? "").toLowerCase();
    const isKept = names.has(name) || prefixes.some((prefix) => name.startsWith(prefix));
    if (isKept) kept.push(name, headers[index + 1] ?? "");
  }
  return kept;
}
