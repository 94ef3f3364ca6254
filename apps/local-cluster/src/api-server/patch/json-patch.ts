import { applyPatch, type Operation } from "rfc6902";
import { copyJson, isRecord } from "../api-object.ts";
import { badRequest, StatusError } from "../status-error.ts";

const operationsMax = 10_000;
const operationNames = new Set(["add", "remove", "replace", "move", "copy", "test"]);

/**
 * RFC 6902 on a copy.
 *
 * @throws StatusError 400 for what is no patch, 413 for too many operations, 422 for one that cannot be applied.
 */
export function applyJsonPatch(target: unknown, patch: unknown): unknown {
  const operations = parseOperations(patch);
  const copy = copyJson(target);
  for (const [index, error] of applyPatch(copy, operations).entries()) {
    if (error === null) continue;
    const { op, path } = operations[index] ?? { op: "?", path: "?" };
    throw new StatusError(422, "Invalid", {
      message: `the server rejected our request due to an error in our request: ${op} operation at ${path} failed: ${error.message || error.name}`,
      details: {},
    });
  }
  return copy;
}

function parseOperations(patch: unknown): Operation[] {
  if (!Array.isArray(patch)) throw badRequest("error decoding patch: a JSON patch must be a list of operations");
  if (patch.length > operationsMax) {
    throw new StatusError(413, "RequestEntityTooLarge", {
      message: `The allowed maximum operations in a JSON patch is ${operationsMax}, got ${patch.length}`,
    });
  }
  return patch.map((operation: unknown) => {
    if (!isOperation(operation)) throw badRequest(`error decoding patch: ${JSON.stringify(operation)} is no operation`);
    return operation;
  });
}

function isOperation(value: unknown): value is Operation {
  if (!isRecord(value) || !operationNames.has(String(value["op"])) || typeof value["path"] !== "string") return false;
  const segments = value["path"].split("/");
  // Reaching into prototypes is no business of a patch; such labels can be written by the other patch types.
  if (segments.includes("__proto__") || segments.includes("constructor")) return false;
  return value["op"] !== "move" && value["op"] !== "copy" ? true : typeof value["from"] === "string";
}
