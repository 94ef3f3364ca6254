import { isRecord, setField, type JsonObject } from "../api-object.ts";
import { elementOf, type FieldTree } from "./field-paths.ts";
import type { ListShape, Shape } from "./shape.ts";

/** The live object with what was applied in its place: objects field by field, lists with keys item by item. Copies what it changes. */
export function mergeApplied(live: unknown, applied: unknown, shape: Shape): unknown {
  if (isRecord(live) && isRecord(applied) && !shape.isAtomic) {
    const merged = { ...live };
    for (const [name, value] of Object.entries(applied)) {
      const current = Object.hasOwn(live, name) ? live[name] : undefined;
      const below = shape.field(name);
      setField(merged, name, below === undefined ? value : mergeApplied(current, value, below));
    }
    return merged;
  }
  if (Array.isArray(live) && Array.isArray(applied) && shape.list !== undefined) {
    return mergeItems(live, applied, shape.list);
  }
  return applied;
}

/** In the order that was applied; the items that were not follow the one they followed before. */
function mergeItems(live: readonly unknown[], applied: readonly unknown[], list: ListShape): unknown[] {
  const appliedElements = new Set(applied.map((item) => elementOf(item, list)));
  const liveItems = new Map<string, unknown>();
  const followers = new Map<string, unknown[]>();
  let leader = "";
  for (const item of live) {
    const element = elementOf(item, list);
    if (appliedElements.has(element)) {
      leader = element;
      liveItems.set(element, item);
    } else if (followers.get(leader)?.push(item) === undefined) followers.set(leader, [item]);
  }
  const merged = [...(followers.get("") ?? [])];
  for (const item of applied) {
    const element = elementOf(item, list);
    merged.push(mergeApplied(liveItems.get(element), item, list.item), ...(followers.get(element) ?? []));
  }
  return merged;
}

/** What one manager applied before and applies now, beside what everybody else owns. */
export interface Applied {
  readonly last: FieldTree;
  readonly next: FieldTree | undefined;
  readonly others: FieldTree | undefined;
}

/** The object without what the manager no longer applies and nobody else owns. */
export function removeUnapplied(object: JsonObject, shape: Shape, applied: Applied): JsonObject {
  const kept = { ...object };
  for (const [element, last] of applied.last.children) {
    const name = element.slice(2);
    const below = shape.field(name);
    if (!element.startsWith("f:") || below === undefined || !Object.hasOwn(kept, name)) continue;
    const rest = reduced(kept[name], below, appliedBelow(applied, element, last));
    if (rest === undefined) delete kept[name];
    else setField(kept, name, rest);
  }
  return kept;
}

function appliedBelow({ next, others }: Applied, element: string, last: FieldTree): Applied {
  return { last, next: next?.children.get(element), others: others?.children.get(element) };
}

/** `undefined` when nothing is left. */
function reduced(value: unknown, shape: Shape, applied: Applied): unknown {
  const { last, next, others } = applied;
  if (next === undefined && others === undefined) return undefined;
  if (last.children.size === 0) return value;
  if (isRecord(value) && !shape.isAtomic) {
    const kept = removeUnapplied(value, shape, applied);
    return Object.keys(kept).length === 0 && next === undefined ? undefined : kept;
  }
  if (!Array.isArray(value) || shape.list === undefined) return value;
  const items = reduceItems(value, shape.list, applied);
  return items.length === 0 && next === undefined ? undefined : items;
}

function reduceItems(items: readonly unknown[], list: ListShape, applied: Applied): unknown[] {
  const kept: unknown[] = [];
  for (const item of items) {
    const element = elementOf(item, list);
    const last = applied.last.children.get(element);
    const rest = last === undefined ? item : reduced(item, list.item, appliedBelow(applied, element, last));
    if (isRecord(rest) && isRecord(item)) kept.push({ ...keysOf(item, list), ...rest });
    else if (rest !== undefined) kept.push(rest);
  }
  return kept;
}

// An item that stays for somebody else's fields keeps what tells it from the others.
function keysOf(item: JsonObject, { keys }: ListShape): JsonObject {
  return Object.fromEntries(keys.filter((key) => item[key] !== undefined).map((key) => [key, item[key]]));
}
