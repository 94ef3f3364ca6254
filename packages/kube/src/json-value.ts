// Operations on plain JSON values: what the API server sends and takes. Functions, Dates and cycles do not occur.

/** A copy that shares nothing with the original. Several times faster than structuredClone on Kubernetes objects. */
export function deepCopy<T>(value: T): T {
  return copyOf(value) as T;
}

function copyOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(copyOf);
  const copy: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) setMember(copy, key, copyOf(member));
  return copy;
}

/** Plain assignment to `__proto__` would change the prototype; labels may bear that name. */
function setMember(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== "__proto__") {
    target[key] = value;
    return;
  }
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}

/** Freezes the value and all inside it; returns it. Already frozen parts are taken to be frozen within. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const member of Object.values(value)) deepFreeze(member);
  return value;
}

/**
 * Whether two JSON values mean the same to Kubernetes: absent, null, `{}` and `[]` are alike as members, key order does
 * not matter, and a timestamp equals itself with a fraction of zeros.
 */
export function isSemanticallyEqual(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (isEmpty(left) && isEmpty(right)) return true;
  if (typeof left === "string" && typeof right === "string") return isSameTimestamp(left, right);
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
  if (Array.isArray(left) || Array.isArray(right)) return isSameArray(left, right);
  return isSameRecord(left as Record<string, unknown>, right as Record<string, unknown>);
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

function isSameArray(left: unknown, right: unknown): boolean {
  if (!Array.isArray(left) || !Array.isArray(right) || left.length !== right.length) return false;
  return left.every((item, index) => isSemanticallyEqual(item, right[index]));
}

function isSameRecord(left: Record<string, unknown>, right: Record<string, unknown>): boolean {
  for (const key of Object.keys(left)) if (!isSemanticallyEqual(left[key], own(right, key))) return false;
  for (const key of Object.keys(right)) if (!Object.hasOwn(left, key) && !isEmpty(right[key])) return false;
  return true;
}

function own(record: Record<string, unknown>, key: string): unknown {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

const TIMESTAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?Z$/;

function isSameTimestamp(left: string, right: string): boolean {
  const [leftSeconds, leftFraction] = parseTimestamp(left);
  const [rightSeconds, rightFraction] = parseTimestamp(right);
  return leftSeconds !== undefined && leftSeconds === rightSeconds && leftFraction === rightFraction;
}

function parseTimestamp(text: string): [string | undefined, string] {
  const match = TIMESTAMP.exec(text);
  return [match?.[1], (match?.[2] ?? "").replace(/0+$/, "")];
}
