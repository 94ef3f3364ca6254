import type { ApiObject, JsonObject } from "../api-object.ts";
import { recordAt, recordsAt, stringAt } from "../api-object.ts";
import type { Resource } from "../resource.ts";
import { badRequest } from "../status-error.ts";

/** Whether an object is meant. */
export type Matcher = (object: ApiObject) => boolean;
type LabelMatcher = (labels: JsonObject) => boolean;

export interface Selectors {
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

const selectorLengthMax = 32 * 1024;

/** The matcher of a list or watch; `undefined` when everything matches. @throws StatusError 400 for a selector that cannot be read. */
export function parseSelectors(resource: Resource, { labelSelector, fieldSelector }: Selectors): Matcher | undefined {
  const labels =
    labelSelector === undefined || labelSelector.trim() === "" ? undefined : parseLabelSelector(labelSelector);
  const fields =
    fieldSelector === undefined || fieldSelector.trim() === ""
      ? undefined
      : parseFieldSelector(resource, fieldSelector);
  if (labels === undefined) return fields;
  const matchesLabels: Matcher = (object) => labels(object.metadata.labels ?? {});
  return fields === undefined ? matchesLabels : (object) => matchesLabels(object) && fields(object);
}

const setTermPattern = /^([^\s!=,()]+)\s+(in|notin)\s*\(([^()]*)\)$/;
const equalityTermPattern = /^([^\s!=,()]+)\s*(==|=|!=)\s*([^\s!=,()]*)$/;
const existsTermPattern = /^(!?)\s*([^\s!=,()]+)$/;

/** Parses `a=b,c!=d,e in (f,g),h,!i`. @throws StatusError 400 naming the term. */
export function parseLabelSelector(text: string): LabelMatcher {
  if (text.length > selectorLengthMax)
    throw badRequest(`the label selector is longer than ${selectorLengthMax} characters`);
  const matchers = splitTerms(text).map((term) => parseLabelTerm(term.trim()));
  return (labels) => matchers.every((matches) => matches(labels));
}

/** At the commas outside of parentheses. */
function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let start = 0;
  let isInList = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === "(" || char === ")") isInList = char === "(";
    else if (char === "," && !isInList) {
      terms.push(text.slice(start, at));
      start = at + 1;
    }
  }
  return [...terms, text.slice(start)];
}

function parseLabelTerm(term: string): LabelMatcher {
  const matcher = parseSetTerm(term) ?? parseEqualityTerm(term) ?? parseExistsTerm(term);
  if (matcher === undefined)
    throw badRequest(`unable to parse requirement: found '${term}', which is not a selector term`);
  return matcher;
}

function parseSetTerm(term: string): LabelMatcher | undefined {
  const [, key = "", operator, list = ""] = setTermPattern.exec(term) ?? [];
  if (operator === undefined) return undefined;
  const values = list.split(",").map((value) => value.trim());
  return operator === "in" ? isIn(key, values) : isNotIn(key, values);
}

function parseEqualityTerm(term: string): LabelMatcher | undefined {
  const [, key = "", operator, value = ""] = equalityTermPattern.exec(term) ?? [];
  if (operator === undefined) return undefined;
  return operator === "!=" ? isNotIn(key, [value]) : isIn(key, [value]);
}

function parseExistsTerm(term: string): LabelMatcher | undefined {
  const [, negation, key] = existsTermPattern.exec(term) ?? [];
  return key === undefined ? undefined : (labels) => Object.hasOwn(labels, key) === (negation === "");
}

function isIn(key: string, values: readonly string[]): LabelMatcher {
  return (labels) => Object.hasOwn(labels, key) && values.includes(String(labels[key]));
}

function isNotIn(key: string, values: readonly string[]): LabelMatcher {
  return (labels) => !Object.hasOwn(labels, key) || !values.includes(String(labels[key]));
}

/** The matcher of a LabelSelector field of an object. An absent or empty one matches all. */
export function labelSelectorMatcher(selector: unknown): LabelMatcher {
  const matchers = [
    ...Object.entries(recordAt(selector, "matchLabels")).map(([key, value]) => isIn(key, [String(value)])),
    ...recordsAt(selector, "matchExpressions").map(parseExpression),
  ];
  return (labels) => matchers.every((matches) => matches(labels));
}

function parseExpression(expression: JsonObject): LabelMatcher {
  const key = stringAt(expression, "key");
  const listed = expression["values"];
  const values = Array.isArray(listed) ? listed.map(String) : [];
  switch (stringAt(expression, "operator")) {
    case "In":
      return isIn(key, values);
    case "NotIn":
      return isNotIn(key, values);
    case "Exists":
      return (labels) => Object.hasOwn(labels, key);
    case "DoesNotExist":
      return (labels) => !Object.hasOwn(labels, key);
    default:
      return () => false;
  }
}

/** A LabelSelector field as the string form that queries use. */
export function labelSelectorText(selector: unknown): string {
  const terms = Object.entries(recordAt(selector, "matchLabels")).map(([key, value]) => `${key}=${String(value)}`);
  for (const expression of recordsAt(selector, "matchExpressions")) {
    const key = stringAt(expression, "key");
    const values = Array.isArray(expression["values"]) ? expression["values"].join(",") : "";
    const operator = stringAt(expression, "operator");
    if (operator === "In" || operator === "NotIn") terms.push(`${key} ${operator.toLowerCase()} (${values})`);
    else terms.push(operator === "Exists" ? key : `!${key}`);
  }
  return terms.sort().join(",");
}

function parseFieldSelector(resource: Resource, text: string): Matcher {
  if (text.length > selectorLengthMax)
    throw badRequest(`the field selector is longer than ${selectorLengthMax} characters`);
  const matchers = text.split(",").map((term) => parseFieldTerm(resource, term.trim()));
  return (object) => matchers.every((matches) => matches(object));
}

function parseFieldTerm(resource: Resource, term: string): Matcher {
  const match = /^([^=!]+)(==|=|!=)(.*)$/s.exec(term);
  if (match === null) throw badRequest(`invalid selector: '${term}'; can't understand '${term}'`);
  const [field = "", operator, wanted = ""] = match.slice(1).map((part) => part.trim());
  const read = fieldReader(resource, field);
  if (read === undefined) {
    const known = supportedFields(resource).join(", ");
    throw badRequest(`field label not supported: ${field}; ${resource.plural} can be selected by ${known}`);
  }
  return (object) => (read(object) === wanted) !== (operator === "!=");
}

function supportedFields({ namespaced, strategy }: Resource): string[] {
  const own = Object.keys(strategy.fieldLabels ?? {}).sort();
  return ["metadata.name", ...(namespaced ? ["metadata.namespace"] : []), ...own];
}

function fieldReader(resource: Resource, field: string): ((object: ApiObject) => string) | undefined {
  if (field === "metadata.name") return (object) => object.metadata.name ?? "";
  if (field === "metadata.namespace" && resource.namespaced) return (object) => object.metadata.namespace ?? "";
  const labels = resource.strategy.fieldLabels;
  return labels !== undefined && Object.hasOwn(labels, field) ? labels[field] : undefined;
}
