// JSON.parse keeps the last of two equal fields and says nothing; Kubernetes reports them.

const tokenPattern = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;
const duplicatesMax = 20;

interface Level {
  /** The fields so far; absent in a list. */
  readonly fields: Set<string> | undefined;
  at: string | number;
  isAtField: boolean;
}

/** The paths of fields that stand twice in one object, as in `spec.ports[0].name`. `value` is what JSON.parse made of the text. */
export function findDuplicateFields(text: string, value: unknown): string[] {
  // Nearly always as many fields are left as were sent, and that is soon known.
  if (countColons(text) === countFields(value)) return [];
  const found = new Set<string>();
  const levels: Level[] = [];
  for (const [token] of text.matchAll(tokenPattern)) {
    if (token === "{") levels.push({ fields: new Set(), at: "", isAtField: true });
    else if (token === "[") levels.push({ fields: undefined, at: 0, isAtField: false });
    else if (token === "}" || token === "]") levels.pop();
    else if (isRepeated(levels.at(-1), token) && found.size < duplicatesMax) found.add(pathOf(levels));
  }
  return [...found];
}

const [quote, backslash, colon] = [34, 92, 58];

/** Those that stand outside of strings, one for each field. Strings are most of the text, and jumped over. */
function countColons(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === colon) count += 1;
    else if (code === quote) at = endOfString(text, at);
  }
  return count;
}

/** Where the quote stands that ends the string which begins at another one. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text.charCodeAt(before) === backslash) before -= 1;
    // The backslashes before it stand for each other, unless one is left for the quote.
    if ((end - before) % 2 === 1) return end;
  }
  return text.length;
}

function countFields(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  let count = Array.isArray(value) ? 0 : Object.keys(value).length;
  for (const child of Object.values(value)) if (typeof child === "object") count += countFields(child);
  return count;
}

/** Takes one token of an object or list; whether it is a field that was there before. */
function isRepeated(level: Level | undefined, token: string): boolean {
  if (token === "," && level !== undefined) nextItem(level);
  else if (token === ":" && level !== undefined) level.isAtField = false;
  else if (level?.isAtField === true && level.fields !== undefined) {
    level.at = fieldName(token);
    const isThere = level.fields.has(level.at);
    level.fields.add(level.at);
    return isThere;
  }
  return false;
}

function nextItem(level: Level): void {
  if (typeof level.at === "number") level.at += 1;
  else level.isAtField = true;
}

function fieldName(token: string): string {
  return token.includes("\\") ? String(JSON.parse(token)) : token.slice(1, -1);
}

function pathOf(levels: readonly Level[]): string {
  let path = "";
  for (const { at } of levels) path += typeof at === "number" ? `[${at}]` : path === "" ? at : `.${at}`;
  return path;
}
