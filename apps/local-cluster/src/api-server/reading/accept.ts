import { notAcceptable } from "../status-error.ts";

/** How the client wants objects shown. */
export type Presentation = "object" | "table" | "metadata";

const allPresentations: readonly Presentation[] = ["object", "table", "metadata"];

/**
 * Reads an Accept header in its own order; protobuf is passed over, since every client that asks for it also takes JSON.
 *
 * @throws StatusError 406 when nothing it names can be produced, or is among what is `possible`.
 */
export function parseAccept(accept: string | undefined, possible = allPresentations): Presentation {
  if (accept === undefined || accept.trim() === "") return "object";
  for (const range of accept.split(",")) {
    const presentation = parseRange(range);
    if (presentation !== undefined && possible.includes(presentation)) return presentation;
  }
  throw notAcceptable(["application/json"]);
}

const presentations: ReadonlyMap<string, Presentation> = new Map([
  ["table", "table"],
  ["partialobjectmetadata", "metadata"],
  ["partialobjectmetadatalist", "metadata"],
]);

function parseRange(range: string): Presentation | undefined {
  const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
  if (!["application/json", "application/*", "*/*"].includes(type)) return undefined;
  const as = parameters.find((parameter) => parameter.startsWith("as="))?.slice(3);
  if (as === undefined) return "object";
  return parameters.includes("v=v1beta1") ? undefined : presentations.get(as);
}
