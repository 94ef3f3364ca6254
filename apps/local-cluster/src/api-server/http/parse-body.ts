import { isUtf8 } from "node:buffer";
import type { Document } from "yaml";
import { badRequest, StatusError, tooLarge } from "../status-error.ts";

// Text that anybody may send, as JSON values of a bounded size and depth, in bounded time.

/** What a request's body may be long. */
export const bodyBytesMax = 3 * 1024 * 1024;
const nestingMax = 1_000;
/** Reading YAML takes a hundred times as long as JSON, and everybody else waits. kubectl sends JSON, under YAML's name too. */
const yamlLengthMax = 128 * 1024;
const aliasesMax = 100;

/** @throws StatusError 400 for what is not UTF-8. */
export function textOfBody(body: Buffer): string {
  if (!isUtf8(body)) throw badRequest("the body of the request is not valid UTF-8: send JSON or YAML as UTF-8");
  return body.toString();
}

/** @throws StatusError 400. */
export function parseJsonText(text: string): unknown {
  checkBrackets(text);
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw badRequest(`couldn't get version/kind; json parse error: ${messageOf(error)}`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const [quote, backslash] = [34, 92];
const [openers, closers] = [new Set([91, 123]), new Set([93, 125])];

/** Refuses what is nested too deep before anything is made of it. */
function checkBrackets(text: string): void {
  // Hardly anything has so many brackets at all, and they are counted in no time.
  if (countOf("{", text) + countOf("[", text) <= nestingMax) return;
  let depth = 0;
  let isInString = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (isInString && code === backslash) at += 1;
    else if (code === quote) isInString = !isInString;
    else if (isInString) continue;
    else if (openers.has(code)) depth += 1;
    else if (closers.has(code)) depth -= 1;
    if (depth > nestingMax) throw tooDeep();
  }
}

/** Not more than are allowed, and one. */
function countOf(sign: string, text: string): number {
  let count = 0;
  for (let at = text.indexOf(sign); at >= 0 && count <= nestingMax; at = text.indexOf(sign, at + 1)) count += 1;
  return count;
}

function tooDeep(): StatusError {
  return badRequest(`the object is nested more than ${nestingMax} levels deep`);
}

/** JSON is YAML as well, and read as what it is. @throws StatusError 400, 413 for more YAML than is read. */
export async function parseYamlText(text: string): Promise<unknown> {
  if (text.trimStart().startsWith("{")) {
    checkBrackets(text);
    const value = parseIfJson(text);
    if (value !== undefined) return value;
  }
  if (text.length > yamlLengthMax) {
    throw new StatusError(413, "RequestEntityTooLarge", {
      message: `Request entity too large: limit is ${yamlLengthMax} for YAML, ${bodyBytesMax} for JSON: send JSON`,
    });
  }
  try {
    const document = await composeYaml(text);
    const value: unknown = document?.toJS({ maxAliasCount: aliasesMax }) ?? null;
    checkSize(value, { depth: 0, budget: { left: bodyBytesMax } });
    return value;
  } catch (error) {
    throw error instanceof StatusError ? error : badRequest(`yaml parse error: ${messageOf(error)}`);
  }
}

function parseIfJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Stops at the first mistake: the parser goes on after each, and takes the longer the more there were. */
async function composeYaml(text: string): Promise<Document | undefined> {
  // Hardly anybody sends YAML; whoever does not should not wait for its parser at the start.
  const { Composer, isAlias, isScalar, LineCounter, Parser, visit } = await import("yaml");
  const lines = new LineCounter();
  const parser = new Parser(lines.addNewLine);
  const fail = (message: string, offset: number): never => {
    const { line, col } = lines.linePos(offset);
    throw badRequest(`yaml parse error: ${message} at line ${line}, column ${col}`);
  };
  function* tokens(): ReturnType<typeof parser.parse> {
    for (const token of parser.parse(text)) {
      if (token.type === "error") fail(token.message, token.offset);
      yield token;
    }
  }
  // Its own search for keys that stand twice compares each with each.
  const composer = new Composer({ uniqueKeys: false, prettyErrors: false, logLevel: "silent" });
  const documents = [...composer.compose(tokens(), true, text.length)];
  const [document] = documents;
  const problem = document?.errors[0];
  if (problem !== undefined) fail(problem.message, problem.pos[0]);
  if (documents.length > 1) throw badRequest("yaml parse error: there must be one document");
  if (document === undefined) return undefined;
  let aliases = 0;
  visit(document, {
    Node(_key, node) {
      if (isAlias(node) && ++aliases > aliasesMax) fail(`more than ${aliasesMax} aliases`, node.range?.[0] ?? 0);
    },
    Map(_key, { items, range }) {
      const keys = new Set<string>();
      for (const { key } of items) {
        const name = String(isScalar(key) ? key.value : key);
        if (keys.has(name)) fail(`key ${JSON.stringify(name)} already set in map`, range?.[0] ?? 0);
        keys.add(name);
      }
    },
  });
  return document;
}

interface Place {
  readonly depth: number;
  readonly budget: { left: number };
}

/** What aliases stand for counts each time. */
function checkSize(value: unknown, { depth, budget }: Place): void {
  budget.left -= typeof value === "string" ? value.length + 1 : 1;
  if (budget.left < 0) throw tooLarge(bodyBytesMax);
  if (typeof value !== "object" || value === null) return;
  if (depth > nestingMax) throw tooDeep();
  for (const [key, child] of Object.entries(value)) {
    budget.left -= key.length;
    checkSize(child, { depth: depth + 1, budget });
  }
}
