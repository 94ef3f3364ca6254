import { UsageError } from "../step-failure.ts";

const lengthMax = 1024;
const starsMax = 16;

/**
 * Compiles a glob for whole paths such as `a/b.ts`: `*` and `?` stay within a part, `**` spans parts, `[a-z]` and `{a,b}` are
 * as in shells, `\` takes a sign as it is. Names that begin with a dot fit like any other: what decides about content must not
 * overlook them.
 *
 * @throws UsageError for one that is too long, or has more stars than can be matched in reasonable time.
 */
export function compileGlob(glob: string): (path: string) => boolean {
  if (glob.length > lengthMax || (glob.match(/\*+/g)?.length ?? 0) > starsMax) {
    throw new UsageError(
      `the glob ${JSON.stringify(glob.slice(0, 100))} is too long, or has more than ${starsMax} stars`,
    );
  }
  let source = "";
  let depth = 0;
  // Each token is one of the glob's own signs, or any other sign.
  for (const [token] of glob.matchAll(/\*\*\/|\*+|\?|\[[!^]?\]?[^\]]*\]|\\?[^]/g)) {
    if (token === "{" || token === "}") depth += token === "{" ? 1 : -1;
    source += depth < 0 ? escapeSign(token) : translate(token, depth);
    depth = Math.max(0, depth);
  }
  // An open brace is a brace.
  const pattern = depth === 0 ? source : escapeSign(glob);
  const compiled = compilePattern(pattern, glob);
  return (path) => compiled.test(path);
}

function compilePattern(pattern: string, glob: string): RegExp {
  try {
    return new RegExp(`^${pattern}$`, "u");
  } catch (error) {
    throw new UsageError(`the glob ${JSON.stringify(glob)} means nothing, such as [z-a]`, { cause: error });
  }
}

const meanings: ReadonlyMap<string, string> = new Map([
  ["**/", "(?:[^/]+/)*"],
  ["*", "[^/]*"],
  ["?", "[^/]"],
  ["{", "(?:"],
  ["}", ")"],
]);

function translate(token: string, depth: number): string {
  const meaning = meanings.get(token);
  if (meaning !== undefined) return meaning;
  if (token.startsWith("**")) return ".*";
  if (token === "," && depth > 0) return "|";
  if (token.startsWith("[") && token.length > 2) return translateClass(token);
  return escapeSign(token.length === 2 && token.startsWith("\\") ? token.slice(1) : token);
}

function translateClass(token: string): string {
  const isNot = /^\[[!^]/.test(token);
  const inside = token.slice(isNot ? 2 : 1, -1).replaceAll(/[\\[\]^]/g, "\\$&");
  return `(?!/)[${isNot ? "^" : ""}${inside}]`;
}

function escapeSign(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
