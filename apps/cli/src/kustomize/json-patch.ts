import { type Fields, isFields } from "./manifest.ts";

export interface JsonPatchOperation {
  op: string;
  path: string;
  value?: unknown;
}

/** Applies RFC 6902 add, remove, replace and test to a copy. @throws Error naming the path that does not fit. */
export function applyJsonPatch(document: object, operations: readonly JsonPatchOperation[]): unknown {
  const copy: unknown = structuredClone(document);
  for (const operation of operations) applyOperation(copy, operation);
  return copy;
}

function applyOperation(document: unknown, { op, path, value }: JsonPatchOperation): void {
  const steps = parsePointer(path);
  const last = steps.pop();
  if (last === undefined) throw new Error(`${op} on the whole object is not supported`);
  const parent = steps.reduce((node, step) => childOf(node, step, path), document);
  if (Array.isArray(parent)) applyToList(parent, { op, path, value }, last);
  else if (isFields(parent)) applyToFields(parent, { op, path, value }, last);
  else throw new Error(`${path}: there is nothing to ${op} it in`);
}

function parsePointer(path: string): string[] {
  if (!path.startsWith("/")) throw new Error(`path "${path}" does not begin with /`);
  return path
    .slice(1)
    .split("/")
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function childOf(node: unknown, step: string, path: string): unknown {
  const child: unknown = Array.isArray(node) ? node[Number(step)] : isFields(node) ? node[step] : undefined;
  if (child === undefined) throw new Error(`${path}: there is no "${step}"`);
  return child;
}

function applyToFields(fields: Fields, { op, path, value }: JsonPatchOperation, name: string): void {
  if (op !== "add" && !Object.hasOwn(fields, name)) throw new Error(`${path} does not exist`);
  if (op === "add" || op === "replace") fields[name] = structuredClone(value);
  else if (op === "remove") delete fields[name];
  else if (op === "test") requireSame(fields[name], value, path);
  else throw new Error(`operation "${op}" is not supported`);
}

function applyToList(list: unknown[], { op, path, value }: JsonPatchOperation, step: string): void {
  const index = step === "-" ? list.length : Number(step);
  const limit = op === "add" ? list.length : list.length - 1;
  if (!Number.isInteger(index) || index < 0 || index > limit) throw new Error(`${path}: there is no element ${step}`);
  if (op === "add") list.splice(index, 0, structuredClone(value));
  else if (op === "replace") list[index] = structuredClone(value);
  else if (op === "remove") list.splice(index, 1);
  else if (op === "test") requireSame(list[index], value, path);
  else throw new Error(`operation "${op}" is not supported`);
}

function requireSame(actual: unknown, expected: unknown, path: string): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) throw new Error(`${path} is not what the test expects`);
}
