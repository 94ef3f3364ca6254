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
    const { indent, key, value } = parseLine(line);
    while (indent <= (open.at(-1)?.indent ?? -1)) open.pop();
    const parent = open.at(-1)?.map ?? root;
    const map: SimpleYaml = {};
    parent[key] = value ?? map;
    if (value === undefined) open.push({ indent, map });
  }
  return root;
}

const lineFormat = /^( *)("[^"]*"|'[^']*'|[^\s:#"'{}[\]-][^:]*):(?:\s+(.*))?$/;

// A line without a value opens a map.
function parseLine(line: string): { indent: number; key: string; value: string | undefined } {
  const match = lineFormat.exec(line.trimEnd());
  if (match === null) throw new RangeError(`cannot read the line "${line}"`);
  const [, spaces = "", key = "", value = ""] = match;
  return { indent: spaces.length, key: unquote(key.trim()), value: parseScalar(value, line) };
}

// No text, and the empty map, are undefined.
function parseScalar(raw: string, line: string): string | undefined {
  const quoted = /^(["'])(.*?)\1\s*(#.*)?$/.exec(raw.trim());
  if (quoted !== null) return quoted[2] ?? "";
  const value = raw.replace(/(^|\s)#.*$/, "").trim();
  if (value === "" || value === "{}") return undefined;
  if (/^[{["'&*!|>%@`]/.test(value)) throw new RangeError(`cannot read the line "${line}"`);
  return value;
}

function unquote(text: string): string {
  return /^(["']).*\1$/s.test(text) ? text.slice(1, -1) : text;
}
