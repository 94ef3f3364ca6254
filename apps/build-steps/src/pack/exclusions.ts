import { matchesGlob } from "node:path";

/** Whether a path below the packed directory is left out, with all that is in it. */
export type Exclusions = (path: string, isDirectory: boolean) => boolean;

interface Rule {
  readonly pattern: string;
  readonly isKept: boolean;
}

/**
 * Rules as in .dockerignore: one pattern a line, relative to the directory; `#` begins a comment; `!` takes back what an
 * earlier line left out; the last that fits wins. A pattern fits a path and all that is below it. `.git` is always left
 * out: a repository's history may hold what its tree no longer does.
 */
export function parseExclusions(lines: readonly string[]): Exclusions {
  const rules = lines.flatMap(parseRule);
  return (path, isDirectory) => {
    if (path.split("/").includes(".git")) return true;
    const last = rules.findLast(({ pattern }) => matchesGlob(path, pattern) || matchesGlob(path, `${pattern}/**`));
    if (last === undefined || last.isKept) return false;
    return !(isDirectory && rules.some((rule) => rule.isKept && mayFitBelow(rule.pattern, path)));
  };
}

function parseRule(line: string): Rule[] {
  const text = line.trim();
  const isKept = text.startsWith("!");
  const pattern = text
    .slice(isKept ? 1 : 0)
    .replace(/^\.?\/+/, "")
    .replace(/\/+$/, "");
  return pattern === "" || text.startsWith("#") ? [] : [{ pattern, isKept }];
}

/** Whether the pattern may fit something in the directory: then what the directory holds must be looked at. */
function mayFitBelow(pattern: string, directory: string): boolean {
  const [wanted, parts] = [pattern.split("/"), directory.split("/")];
  if (wanted.includes("**")) return true;
  return wanted.length > parts.length && parts.every((part, index) => matchesGlob(part, wanted[index] ?? ""));
}
