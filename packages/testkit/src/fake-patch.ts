import { isRecord } from "@kelvin/api";
import { deepCopy, isSemanticallyEqual } from "@kelvin/kube";
import type { JsonPatchOperation } from "@kelvin/kube";

/** RFC 7386: null removes, objects merge, anything else replaces. Gives a new value. */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return deepCopy(patch);
  const merged: Record<string, unknown> = isRecord(target) ? deepCopy(target) : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = applyMergePatch(merged[name], value);
  }
  return merged;
}

/** RFC 6902, in full. Gives a new value. @throws Error naming the operation that does not apply. */
export function applyJsonPatch(target: unknown, operations: readonly JsonPatchOperation[]): unknown {
  const holder = { root: deepCopy(target) };
  for (const operation of operations) applyOperation(holder, operation);
  return holder.root;
}

interface Holder {
  root: unknown;
}

function applyOperation(holder: Holder, { op, path, from = "", value }: JsonPatchOperation): void {
  switch (op) {
    case "add":
      return add(holder, path, deepCopy(value));
    case "remove":
      remove(holder, path);
      return;
    case "replace":
      remove(holder, path);
      return add(holder, path, deepCopy(value));
    case "move":
      return add(holder, path, remove(holder, from));
    case "copy":
      return add(holder, path, deepCopy(valueAt(holder, from)));
    case "test":
      if (!isSemanticallyEqual(valueAt(holder, path), value)) throw new Error(`test of "${path}" failed`);
  }
}

function tokensOf(path: string): string[] {
  const tokens = `root${path === "" ? "" : path}`.split("/");
  return tokens.map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function locate(holder: Holder, path: string): { parent: Record<string, unknown> | unknown[]; last: string } {
  const tokens = tokensOf(path);
  const last = tokens.pop() ?? "";
  let parent: unknown = holder;
  for (const token of tokens) parent = memberOf(parent, token, path);
  if (!isRecord(parent) && !Array.isArray(parent)) throw new Error(`"${path}" has no parent`);
  return { parent, last };
}

function memberOf(parent: unknown, token: string, path: string): unknown {
  const items: readonly unknown[] | undefined = Array.isArray(parent) ? parent : undefined;
  const member = items === undefined ? isRecord(parent) && parent[token] : items[indexOf(token, items.length - 1)];
  if (member === undefined || member === false) throw new Error(`"${path}" does not exist`);
  return member;
}

function indexOf(token: string, max: number): number {
  const index = Number(token);
  if (!/^(0|[1-9]\d*)$/.test(token) || index > max) throw new Error(`"${token}" is not an index within the array`);
  return index;
}

function valueAt(holder: Holder, path: string): unknown {
  const { parent, last } = locate(holder, path);
  const value = Array.isArray(parent) ? parent[indexOf(last, parent.length - 1)] : parent[last];
  if (value === undefined) throw new Error(`"${path}" does not exist`);
  return value as unknown;
}

function add(holder: Holder, path: string, value: unknown): void {
  const { parent, last } = locate(holder, path);
  if (!Array.isArray(parent)) parent[last] = value;
  else parent.splice(last === "-" ? parent.length : indexOf(last, parent.length), 0, value);
}

function remove(holder: Holder, path: string): unknown {
  const value = valueAt(holder, path);
  const { parent, last } = locate(holder, path);
  if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else delete parent[last];
  return value;
}
