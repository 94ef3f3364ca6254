/** One way of authentication that a registry asks for. */
export interface Challenge {
  /** Lower case, such as `basic` or `bearer`. */
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const textMax = 8192;
const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const parameterPattern = new RegExp(
  `^(${token})[ \\t]*=[ \\t]*(?:"((?:[^"\\\\]|\\\\.)*)"|(${token}))[ \\t]*(?:,[ \\t,]*|$)`,
);
const schemePattern = new RegExp(`^(${token})(?:[ \\t]+|[ \\t]*,[ \\t,]*|$)`);

/** Parses a `WWW-Authenticate` header, which may hold several challenges. What is broken ends the list. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  let rest = header.slice(0, textMax).trim();
  while (rest !== "") {
    const scheme = schemePattern.exec(rest);
    if (scheme === null) break;
    rest = rest.slice(scheme[0].length);
    const parameters: Record<string, string> = {};
    for (let found = parameterPattern.exec(rest); found !== null; found = parameterPattern.exec(rest)) {
      const [whole, name = "", quoted, plain] = found;
      parameters[name.toLowerCase()] = quoted?.replaceAll(/\\(.)/g, "$1") ?? plain ?? "";
      rest = rest.slice(whole.length);
    }
    challenges.push({ scheme: (scheme[1] ?? "").toLowerCase(), parameters });
  }
  return challenges;
}
