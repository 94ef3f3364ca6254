import { copyJson, equalJson, isRecord, setField, type JsonObject } from "../api-object.ts";
import { badRequest, StatusError, tooLarge } from "../status-error.ts";

// RFC 6902. Fields are own fields: what an object inherits is neither read nor written.

const operationsMax = 10_000;
/** Copies of copies double an object with every operation. */
const copiedSizeMax = 3 * 1024 * 1024;
/** Each item inserted into a list moves all behind it. */
const movedItemsMax = 50_000_000;

type OperationName = "add" | "remove" | "replace" | "move" | "copy" | "test";
type Pointer = readonly string[];

interface Operation {
  readonly op: OperationName;
  readonly path: Pointer;
  /** Of move and copy. */
  readonly from: Pointer;
  readonly value: unknown;
}

/** A document while it is patched. */
interface Patching {
  root: unknown;
  copiedSizeLeft: number;
  movedItemsLeft: number;
}

/**
 * Applies a JSON patch to a copy.
 *
 * @throws StatusError 400 for what is no patch, 413 for one that is too large or copies too much, 422 for one that cannot be applied.
 */
export function applyJsonPatch(target: unknown, patch: unknown): unknown {
  const operations = parseOperations(patch);
  const patching = { root: copyJson(target), copiedSizeLeft: copiedSizeMax, movedItemsLeft: movedItemsMax };
  for (const operation of operations) apply(patching, operation);
  return patching.root;
}

function apply(patching: Patching, { op, path, from, value }: Operation): void {
  switch (op) {
    case "add":
      return add(patching, path, copyJson(value));
    case "remove":
      return remove(patching, path);
    case "replace":
      return replace(patching, path, copyJson(value));
    case "move": {
      if (from.length < path.length && from.every((segment, at) => segment === path[at])) {
        throw inapplicable(path, "an object cannot be moved into itself");
      }
      const moved = read(patching, from);
      remove(patching, from);
      return add(patching, path, moved);
    }
    case "copy": {
      const source = read(patching, from);
      patching.copiedSizeLeft -= sizeOf(source);
      if (patching.copiedSizeLeft < 0) throw tooLarge(copiedSizeMax);
      return add(patching, path, copyJson(source));
    }
    case "test":
      if (!equalJson(read(patching, path), value)) throw inapplicable(path, "the value is another one");
  }
}

function read({ root }: Patching, path: Pointer): unknown {
  let current = root;
  for (const segment of path) {
    if (Array.isArray(current)) current = current[indexIn(current, segment, path)] as unknown;
    else if (isRecord(current) && Object.hasOwn(current, segment)) current = current[segment];
    else throw inapplicable(path, "there is no such value");
  }
  return current;
}

function indexIn(list: readonly unknown[], segment: string, path: Pointer): number {
  const index = /^(?:0|[1-9]\d{0,8})$/.test(segment) ? Number(segment) : -1;
  if (index < 0 || index >= list.length) throw inapplicable(path, `the list has no item ${JSON.stringify(segment)}`);
  return index;
}

/** The object or list that holds what the pointer names, and the name in it. */
function holderOf(patching: Patching, path: Pointer): { holder: JsonObject | unknown[]; name: string } {
  const holder = read(patching, path.slice(0, -1));
  if (!isRecord(holder) && !Array.isArray(holder)) throw inapplicable(path, "it lies in no object or list");
  return { holder, name: path.at(-1) ?? "" };
}

function add(patching: Patching, path: Pointer, value: unknown): void {
  if (path.length === 0) {
    patching.root = value;
    return;
  }
  const { holder, name } = holderOf(patching, path);
  if (!Array.isArray(holder)) return setField(holder, name, value);
  const isAtEnd = name === "-" || name === String(holder.length);
  const index = isAtEnd ? holder.length : indexIn(holder, name, path);
  payForMoving(patching, holder.length - index);
  holder.splice(index, 0, value);
}

function replace(patching: Patching, path: Pointer, value: unknown): void {
  read(patching, path);
  if (path.length === 0) {
    patching.root = value;
    return;
  }
  const { holder, name } = holderOf(patching, path);
  if (Array.isArray(holder)) holder[indexIn(holder, name, path)] = value;
  else setField(holder, name, value);
}

function remove(patching: Patching, path: Pointer): void {
  if (path.length === 0) throw inapplicable(path, "the whole object cannot be removed");
  read(patching, path);
  const { holder, name } = holderOf(patching, path);
  if (!Array.isArray(holder)) {
    delete holder[name];
    return;
  }
  const index = indexIn(holder, name, path);
  payForMoving(patching, holder.length - index);
  holder.splice(index, 1);
}

function payForMoving(patching: Patching, items: number): void {
  patching.movedItemsLeft -= items;
  if (patching.movedItemsLeft >= 0) return;
  throw new StatusError(413, "RequestEntityTooLarge", {
    message: "The JSON patch moves too many items of lists: replace the lists as a whole",
  });
}

/** What an object costs in memory beside its fields, in characters. */
const objectSize = 16;

function sizeOf(value: unknown): number {
  if (typeof value === "string") return value.length + 1;
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + sizeOf(item), objectSize);
  if (!isRecord(value)) return 1;
  let size = objectSize;
  for (const [field, child] of Object.entries(value)) size += field.length + sizeOf(child);
  return size;
}

function inapplicable(path: Pointer, problem: string): StatusError {
  const text = path.map((segment) => `/${segment}`).join("");
  return new StatusError(422, "Invalid", {
    message: `the server rejected our request due to an error in our request: the JSON patch cannot be applied at ${JSON.stringify(text)}: ${problem}`,
    details: {},
  });
}

function parseOperations(patch: unknown): Operation[] {
  if (!Array.isArray(patch)) throw badRequest("error decoding patch: a JSON patch must be a list of operations");
  if (patch.length > operationsMax) {
    throw new StatusError(413, "RequestEntityTooLarge", {
      message: `The allowed maximum operations in a JSON patch is ${operationsMax}, got ${patch.length}`,
    });
  }
  return patch.map(parseOperation);
}

const operationNames = new Set<unknown>(["add", "remove", "replace", "move", "copy", "test"]);

function isOperationName(op: unknown): op is OperationName {
  return operationNames.has(op);
}

function parseOperation(operation: unknown, at: number): Operation {
  const refuse = (problem: string): Error => badRequest(`error decoding patch: operation ${at}: ${problem}`);
  if (!isRecord(operation)) throw refuse("it must be an object");
  const { op, path, from, value } = operation;
  if (!isOperationName(op)) throw refuse("op must be add, remove, replace, move, copy or test");
  const hasFrom = op === "move" || op === "copy";
  const needsValue = op === "add" || op === "replace" || op === "test";
  if (needsValue && !Object.hasOwn(operation, "value")) throw refuse(`${op} needs a value`);
  return {
    op,
    path: parsePointer(path, () => refuse('path must be a JSON pointer, such as "/metadata/labels/a~1b"')),
    from: hasFrom ? parsePointer(from, () => refuse('from must be a JSON pointer, such as "/data/a"')) : [],
    value,
  };
}

function parsePointer(text: unknown, refusal: () => Error): Pointer {
  if (text === "") return [];
  if (typeof text !== "string" || !text.startsWith("/")) throw refusal();
  const segments = text.slice(1).split("/");
  return segments.map((segment) => segment.replaceAll("~1", "/").replaceAll("~0", "~"));
}
