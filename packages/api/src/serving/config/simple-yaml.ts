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
  return parseMaps(source, ({ text }) => text) as SimpleYaml;
}

/** A map of scalars and maps. */
export interface TypedYaml {
  [key: string]: string | number | boolean | null | TypedYaml;
}

/**
 * As `parseSimpleYaml`, with numbers, booleans and nulls that are not quoted as what they are. Lists are not read; a text that begins
 * with `{` is read as JSON, which may have them.
 * @throws RangeError that quotes the line which is more than that.
 */
export function parseTypedYaml(source: string): TypedYaml {
  if (!source.trimStart().startsWith("{")) return parseMaps(source, typedScalar);
  try {
    return JSON.parse(source) as TypedYaml;
  } catch (error) {
    throw new RangeError(`cannot read it as JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function typedScalar({ text, isQuoted }: Scalar): string | number | boolean | null {
  if (isQuoted) return text;
  if (/^(true|false)$/i.test(text)) return text.toLowerCase() === "true";
  if (/^(null|~)$/i.test(text)) return null;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : text;
}

interface Scalar {
  readonly text: string;
  readonly isQuoted: boolean;
}

function parseMaps(source: string, valueOf: (scalar: Scalar) => TypedYaml[string]): TypedYaml {
  const root: TypedYaml = {};
  const open: { indent: number; map: TypedYaml }[] = [{ indent: -1, map: root }];
  for (const line of source.split("\n")) {
    if (/^\s*(#.*)?$/.test(line) || line.trim() === "---") continue;
    const { indent, key, value } = parseLine(line);
    while (indent <= (open.at(-1)?.indent ?? -1)) open.pop();
    const parent = open.at(-1)?.map ?? root;
    const map: TypedYaml = {};
    parent[key] = value === undefined ? map : valueOf(value);
    if (value === undefined) open.push({ indent, map });
  }
  return root;
}

const lineFormat = /^( *)("[^"]*"|'[^']*'|[^\s:#"'{}[\]-][^:]*):(?:\s+(.*))?$/;

// A line without a value opens a map.
function parseLine(line: string): { indent: number; key: string; value: Scalar | undefined } {
  const match = lineFormat.exec(line.trimEnd());
  if (match === null) throw new RangeError(`cannot read the line "${line}"`);
  const [, spaces = "", key = "", value = ""] = match;
  return { indent: spaces.length, key: unquote(key.trim()), value: parseScalar(value, line) };
}

// No text, and the empty map, are undefined.
function parseScalar(raw: string, line: string): Scalar | undefined {
  const quoted = /^(["'])(.*?)\1\s*(#.*)?$/.exec(raw.trim());
  if (quoted !== null) return { text: quoted[2] ?? "", isQuoted: true };
  const value = raw.replace(/(^|\s)#.*$/, "").trim();
  if (value === "" || value === "{}") return undefined;
  if (/^[{["'&*!|>%@`]/.test(value)) throw new RangeError(`cannot read the line "${line}"`);
  return { text: value, isQuoted: false };
}

function unquote(text: string): string {
  return /^(["']).*\1$/s.test(text) ? text.slice(1, -1) : text;
}
