import { isRecord } from "../api-object.ts";

// The part of Kubernetes' JSONPath that printer columns and scale paths use:
// .a.b  .a\.b  ['a.b']  [0]  [*]  [?(@.type=="Ready")]

type Step =
  | { readonly kind: "field"; readonly name: string }
  | { readonly kind: "index"; readonly index: number }
  | { readonly kind: "all" }
  | { readonly kind: "filter"; readonly path: readonly Step[]; readonly operator: string; readonly wanted: string };

/** Reads the first value at a path; `undefined` when there is none. */
export type JsonPath = (value: unknown) => unknown;

const stepPattern =
  /^(?:\.((?:\\.|[^.[\]\\])+)|\[['"]([^'"\]]+)['"]\]|\[(-?\d+)\]|(?:\.|\[)(\*)\]?|\[\?\(\s*@((?:\.[^\s=!<>]+)+)\s*(==|!=)\s*['"]?([^'")]*?)['"]?\s*\)\])/;

/** Compiles a path; `undefined` when it uses what is not supported here. */
export function parseJsonPath(text: string): JsonPath | undefined {
  const steps = parseSteps(
    text
      .trim()
      .replace(/^\{(.*)\}$/, "$1")
      .replace(/^\$/, ""),
  );
  return steps === undefined ? undefined : (value) => follow([value], steps)[0];
}

function parseSteps(text: string): Step[] | undefined {
  const steps: Step[] = [];
  let rest = text;
  while (rest !== "") {
    const match = stepPattern.exec(rest);
    if (match === null) return undefined;
    const step = stepOf(match);
    if (step === undefined) return undefined;
    steps.push(step);
    rest = rest.slice(match[0].length);
  }
  return steps;
}

function stepOf(match: RegExpExecArray): Step | undefined {
  const [, field, quoted, index, all, filterPath, operator = "", wanted = ""] = match;
  if (all !== undefined) return { kind: "all" };
  if (field !== undefined) return { kind: "field", name: field.replaceAll(/\\(.)/g, "$1") };
  if (quoted !== undefined) return { kind: "field", name: quoted.replaceAll(/\\(.)/g, "$1") };
  if (index !== undefined) return { kind: "index", index: Number(index) };
  const path = parseSteps(filterPath ?? "");
  return path === undefined ? undefined : { kind: "filter", path, operator, wanted };
}

function follow(values: readonly unknown[], steps: readonly Step[]): unknown[] {
  let current = [...values];
  for (const step of steps) current = current.flatMap((value) => followStep(value, step));
  return current;
}

function followStep(value: unknown, step: Step): unknown[] {
  switch (step.kind) {
    case "field":
      return isRecord(value) && Object.hasOwn(value, step.name) ? [value[step.name]] : [];
    case "index":
      return Array.isArray(value) && value.at(step.index) !== undefined ? [value.at(step.index)] : [];
    case "all":
      return Array.isArray(value) ? value : isRecord(value) ? Object.values(value) : [];
    case "filter": {
      const isWanted = (item: unknown): boolean => textOf(follow([item], step.path)[0]) === step.wanted;
      return Array.isArray(value) ? value.filter((item) => isWanted(item) === (step.operator === "==")) : [];
    }
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}
