import { isRecord } from "../../meta/equality.ts";

// What a container of a build Pod tells the controller when it ends, through its termination message: the one channel that
// Kubernetes gives a container. Kelvin's own containers write it always; a user's step may.

/** One fact that a step or source found out, such as the digest of the image it pushed. */
export interface StepResult {
  /** Letters, digits, `-`, `_` and `.`, at most 63 of them. See `stepResultNames` for those that Kelvin understands. */
  readonly name: string;
  /** At most 1024 characters of text. */
  readonly value: string;
}

/** Why a container failed, in words that say what to change. */
export interface StepFailure {
  /** One word for programs, PascalCase, such as `SourceNotFound`. */
  readonly reason: string;
  readonly message: string;
}

/** The content of a termination message. */
export interface StepOutcome {
  readonly results: readonly StepResult[];
  /** Absent when the container did what it was to do. */
  readonly failure?: StepFailure;
}

/** Names of results that mean something to Kelvin; any other is passed on to `status.results` as it is. */
export const stepResultNames = {
  /** Digest of what was pushed or fetched: `sha256:…`. */
  digest: "digest",
  /** Repository that was pushed to, with or without a tag: `registry.localhost:5000/x/y`. */
  image: "image",
  /** The full commit that a git source was at. */
  commit: "commit",
  /** Bytes that were fetched, as a whole number. */
  size: "size",
  /** Of a cache container: `hit`, `miss`, `saved` or `skipped`. */
  cache: "cache",
  /** Of a cache container: why, in words. */
  cacheReason: "cacheReason",
} as const;

/** Kubernetes cuts termination messages off after this many bytes. */
export const stepOutcomeBytesMax = 4096;

const namePattern = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const reasonPattern = /^[A-Z][A-Za-z0-9]{0,62}$/;
const valueLengthMax = 1024;
const resultsMax = 16;

/**
 * The text to write to the termination message file, at most `stepOutcomeBytesMax` bytes. A failure's message is cut to
 * fit; results never are.
 * @throws RangeError when a name, value or reason is not as described above, or the results alone are too large.
 */
export function encodeStepOutcome({ results, failure }: StepOutcome): string {
  const problem = findProblem({ results, ...(failure === undefined ? {} : { failure }) });
  if (problem !== undefined) throw new RangeError(problem);
  const encode = (message: string): string =>
    JSON.stringify({ results, ...(failure === undefined ? {} : { failure: { reason: failure.reason, message } }) });
  let message = failure?.message ?? "";
  for (;;) {
    const text = encode(message);
    const excessBytes = Buffer.byteLength(text) - stepOutcomeBytesMax;
    if (excessBytes <= 0) return text;
    if (message === "") throw new RangeError(`the results take more than ${stepOutcomeBytesMax} bytes`);
    // A character takes up to six bytes once it is escaped; cutting by too little only means another turn.
    message = message.slice(0, Math.max(0, message.length - Math.max(1, Math.ceil(excessBytes / 6)))).trimEnd();
  }
}

/**
 * What a termination message says, or undefined when it is no outcome: any program may write any text there. A message
 * is taken whole or not at all.
 */
export function parseStepOutcome(text: string | undefined): StepOutcome | undefined {
  if (text === undefined || !text.trimStart().startsWith("{")) return undefined;
  const value = parseJson(text);
  if (!isRecord(value)) return undefined;
  const { results = [], failure } = value;
  if (!Array.isArray(results) || (failure !== undefined && !isFailure(failure))) return undefined;
  if (!results.every(isResult)) return undefined;
  const outcome: StepOutcome = {
    results: results.map(({ name, value: content }) => ({ name, value: content })),
    ...(failure === undefined ? {} : { failure: { reason: failure.reason, message: failure.message } }),
  };
  return findProblem(outcome) === undefined ? outcome : undefined;
}

/** The value of the result of that name, if there is one. */
export function findStepResult(outcome: StepOutcome | undefined, name: string): string | undefined {
  return outcome?.results.find((result) => result.name === name)?.value;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON is a normal termination message of a program that knows nothing of outcomes.
    return undefined;
  }
}

function isResult(value: unknown): value is StepResult {
  return isRecord(value) && typeof value["name"] === "string" && typeof value["value"] === "string";
}

function isFailure(value: unknown): value is StepFailure {
  return isRecord(value) && typeof value["reason"] === "string" && typeof value["message"] === "string";
}

function findProblem({ results, failure }: StepOutcome): string | undefined {
  if (results.length > resultsMax) return `at most ${resultsMax} results, were ${results.length}`;
  const names = new Set(results.map(({ name }) => name));
  if (names.size < results.length) return "two results have one name";
  const badName = results.find(({ name }) => !namePattern.test(name));
  if (badName !== undefined) return `"${badName.name}" is no name of a result: want ${namePattern.source}`;
  const tooLong = results.find(({ value }) => value.length > valueLengthMax);
  if (tooLong !== undefined) return `the result "${tooLong.name}" is longer than ${valueLengthMax} characters`;
  if (failure !== undefined && !reasonPattern.test(failure.reason)) {
    return `"${failure.reason}" is no reason: want ${reasonPattern.source}`;
  }
  return undefined;
}
