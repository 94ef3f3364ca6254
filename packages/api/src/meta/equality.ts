import { parseQuantity, isQuantity } from "./quantity.ts";

// Kubernetes' "semantic" equality, without the static types that Go has for it: what is absent equals an empty list, and
// an empty map where maps are known to be; quantities compare by value.

const emptyMeansAbsent = new Set([
  "metadata",
  "labels",
  "annotations",
  "resources",
  "limits",
  "requests",
  "nodeSelector",
]);
const quantityMaps = new Set(["limits", "requests"]);

/** Whether two JSON values mean the same to Kubernetes: absent and empty, or `1` and `1000m` of a resource, are no difference. */
export function isSemanticallyEqual(a: unknown, b: unknown): boolean {
  return differences(a, b).length === 0;
}

/** One place where two values differ; an absent value is undefined. */
export interface Difference {
  readonly path: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** Where two JSON values differ, semantically, in the order of their paths. */
export function differences(before: unknown, after: unknown): Difference[] {
  return compare({ path: "", before: normalized(before, ""), after: normalized(after, "") });
}

/** The differences for people: each path with the old (`-`) and the new (`+`) value below. */
export function differenceText(before: unknown, after: unknown): string {
  return differences(before, after)
    .map(({ path, before: old, after: current }) => `${path}:\n\t-: ${jsonText(old)}\n\t+: ${jsonText(current)}\n`)
    .join("");
}

function compare(pair: Difference): Difference[] {
  const { path, before, after } = pair;
  if (Object.is(before, after)) return [];
  if (Array.isArray(before) && Array.isArray(after)) {
    const length = Math.max(before.length, after.length);
    return Array.from({ length }).flatMap((_, index) =>
      compare({ path: `${path}[${index}]`, before: at(before, index), after: at(after, index) }),
    );
  }
  if (isRecord(before) && isRecord(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted();
    return keys.flatMap((key) =>
      compare({ path: path === "" ? key : `${path}.${key}`, before: before[key], after: after[key] }),
    );
  }
  return [pair];
}

function at(list: readonly unknown[], index: number): unknown {
  return list[index];
}

function normalized(value: unknown, key: string): unknown {
  if (value === null) return undefined;
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map((item) => normalized(item, ""));
  if (!isRecord(value)) return value;
  const entries = Object.entries(value)
    .map(([name, child]): [string, unknown] => [
      name,
      quantityMaps.has(key) ? quantityValue(child) : normalized(child, name),
    ])
    .filter(([, child]) => child !== undefined);
  return entries.length === 0 && emptyMeansAbsent.has(key) ? undefined : Object.fromEntries(entries);
}

// Quantities that differ in value are shown as they were written, so only equal ones are made alike.
function quantityValue(value: unknown): unknown {
  if (typeof value !== "string" && typeof value !== "number") return value;
  return isQuantity(value) ? parseQuantity(value) : value;
}

/** Whether a JSON value is an object: neither null nor an array. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function jsonText(value: unknown): string {
  return value === undefined ? "absent" : JSON.stringify(value);
}
