import { InvalidError } from "./errors.ts";

/** Whether a set of labels (or of fields) is meant. */
export type Matcher = (values: Readonly<Record<string, string>>) => boolean;

/** A LabelSelector as objects carry it. */
export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
}

const SET_TERM = /^\s*([^\s!=,()]+)\s+(in|notin)\s*\(([^()]*)\)\s*$/;
const EQUALITY_TERM = /^\s*([^\s!=,()]+)\s*(==|=|!=)\s*([^\s!=,()]*)\s*$/;
const EXISTS_TERM = /^\s*(!?)\s*([^\s!=,()]+)\s*$/;

/**
 * Parses a label selector as in a query string: `a=b,c!=d,e in (f,g),h,!i`. Empty or absent matches all.
 * @throws InvalidError naming the term that could not be read.
 */
export function parseLabelSelector(text: string | undefined): Matcher {
  const matchers = splitTerms(text ?? "").map(parseLabelTerm);
  return (labels) => matchers.every((matches) => matches(labels));
}

function splitTerms(text: string): string[] {
  return text.trim() === "" ? [] : text.split(/,(?![^()]*\))/);
}

function parseLabelTerm(term: string): Matcher {
  const set = SET_TERM.exec(term);
  if (set !== null)
    return requirement(
      set[1] ?? "",
      set[2] ?? "",
      (set[3] ?? "").split(",").map((value) => value.trim()),
    );
  const equality = EQUALITY_TERM.exec(term);
  if (equality !== null) {
    return requirement(equality[1] ?? "", equality[2] === "!=" ? "notin" : "in", [equality[3] ?? ""]);
  }
  const exists = EXISTS_TERM.exec(term);
  if (exists !== null) return requirement(exists[2] ?? "", exists[1] === "!" ? "doesnotexist" : "exists", []);
  throw new InvalidError(`unable to parse requirement: "${term}" is not a selector term`, {
    reason: "BadRequest",
    code: 400,
  });
}

function requirement(key: string, operator: string, values: readonly string[]): Matcher {
  const valueOf = (labels: Readonly<Record<string, string>>): string | undefined =>
    Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator.toLowerCase()) {
    case "in":
      return (labels) => values.includes(valueOf(labels) ?? "") && valueOf(labels) !== undefined;
    case "notin":
      return (labels) => valueOf(labels) === undefined || !values.includes(valueOf(labels) ?? "");
    case "exists":
      return (labels) => valueOf(labels) !== undefined;
    case "doesnotexist":
      return (labels) => valueOf(labels) === undefined;
    default:
      throw new InvalidError(`"${operator}" is not a label selector operator`, { reason: "BadRequest", code: 400 });
  }
}

/** The matcher of a LabelSelector field. As in Kubernetes, an absent selector matches nothing and an empty one all. */
export function labelSelectorMatcher(selector: LabelSelector | undefined): Matcher {
  if (selector === undefined) return () => false;
  const matchers = [
    ...Object.entries(selector.matchLabels ?? {}).map(([key, value]) => requirement(key, "in", [value])),
    ...(selector.matchExpressions ?? []).map(({ key, operator, values }) => requirement(key, operator, values ?? [])),
  ];
  return (labels) => matchers.every((matches) => matches(labels));
}

/**
 * Parses a field selector (`a=b,c!=d`; a missing field counts as empty) into its terms' matcher.
 * @throws InvalidError naming the term that could not be read.
 */
export function parseFieldSelector(text: string | undefined): Matcher {
  const matchers = splitTerms(text ?? "").map(parseFieldTerm);
  return (fields) => matchers.every((matches) => matches(fields));
}

function parseFieldTerm(term: string): Matcher {
  const match = /^\s*([^\s!=,]+)\s*(==|=|!=)\s*([^\s=,]*)\s*$/.exec(term);
  if (match === null) {
    throw new InvalidError(`invalid field selector: can't understand "${term}"`, { reason: "BadRequest", code: 400 });
  }
  const [, field = "", operator, wanted = ""] = match;
  return (fields) => ((fields[field] ?? "") === wanted) !== (operator === "!=");
}
