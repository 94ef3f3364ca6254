/** A map of texts and maps. */
export interface SimpleYaml {
  [key: string]: string | SimpleYaml;
}

/**
 * Reads nested maps of plain or quoted texts: as much YAML as config-domain and config-deployment use, without loading a
 * YAML library into every service.
 * @throws RangeError that quotes the line which is more than that.
 */
export function parseSimpleYaml(source: string): SimpleYaml {
  const root: SimpleYaml = {};
  const open: { indent: number; map: SimpleYaml }[] = [{ indent: -1, map: root }];
  for (const line of source.split("\n")) {
    if (/^\s*(#.*)?$/.test(line) || line.trim() === "---") continue;
    const [, spaces = "", rawKey = "", rawValue = ""] =
      /^( *)("[^"]*"|'[^']*'|[^\s:#"'{}[\]-][^:]*):(?:\s+(.*))?$/.exec(line) ?? [];
    if (rawKey === "") throw new RangeError(`cannot read the line "${line}"`);
    while (spaces.length <= (open.at(-1)?.indent ?? -1)) open.pop();
    const parent = open.at(-1)?.map ?? root;
    const value = parseScalar(rawValue, line);
    const key = unquote(rawKey.trim());
    if (value === undefined) {
      const map: SimpleYaml = {};
      parent[key] = map;
      open.push({ indent: spaces.length, map });
    } else {
      parent[key] = value;
    }
  }
  return root;
}

function parseScalar(raw: string, line: string): string | undefined {
  const value = raw.startsWith('"') || raw.startsWith("'") ? raw.trim() : raw.replace(/(^|\s)#.*$/, "").trim();
  if (value === "") return undefined;
  if (/^[{[&*!|>%@`]/.test(value) && value !== "{}") throw new RangeError(`cannot read the line "${line}"`);
  return value === "{}" ? undefined : unquote(value);
}

function unquote(text: string): string {
  return /^(["']).*\1$/s.test(text) ? text.slice(1, -1) : text;
}
