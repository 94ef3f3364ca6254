import { compileGlob } from "../workspace/glob.ts";

/** Whether a path below the packed directory is left out, with all that is in it. */
export type Exclusions = (path: string, isDirectory: boolean) => boolean;

interface Rule {
  /** Whether it fits this path, or a directory that the path is in. */
  readonly fits: (path: string) => boolean;
  /** Whether it may fit something in this directory. */
  readonly mayFitBelow: (directory: string) => boolean;
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
    const last = rules.findLast(({ fits }) => fits(path));
    if (last === undefined || last.isKept) return false;
    return !(isDirectory && rules.some((rule) => rule.isKept && rule.mayFitBelow(path)));
  };
}

function parseRule(line: string): Rule[] {
  const text = line.trim();
  const isKept = text.startsWith("!");
  const pattern = text
    .slice(isKept ? 1 : 0)
    .replace(/^\.?\/+/, "")
    .replace(/\/+$/, "");
  if (pattern === "" || text.startsWith("#")) return [];
  const [itself, below] = [compileGlob(pattern), compileGlob(`${pattern}/**`)];
  return [{ fits: (path) => itself(path) || below(path), mayFitBelow: makeMayFitBelow(pattern), isKept }];
}

function makeMayFitBelow(pattern: string): (directory: string) => boolean {
  const wanted = pattern.split("/");
  if (pattern.includes("**") || pattern.includes("{")) return () => true;
  const parts = wanted.map(compileGlob);
  return (directory) => {
    const names = directory.split("/");
    return parts.length > names.length && names.every((name, index) => parts[index]?.(name) === true);
  };
}
