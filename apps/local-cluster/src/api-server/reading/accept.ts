import { notAcceptable } from "../status-error.ts";

/** How the client wants objects shown. */
export type Presentation = "object" | "table" | "metadata";

/**
 * Reads an Accept header in its own order; protobuf is passed over, since every client that asks for it also takes JSON.
 *
 * @throws StatusError 406 when nothing it names can be produced.
 */
export function parseAccept(accept: string | undefined): Presentation {
  if (accept === undefined || accept.trim() === "") return "object";
  for (const range of accept.split(",")) {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    if (type !== "application/json" && type !== "*/*" && type !== "application/*") continue;
    const as = parameters.find((parameter) => parameter.startsWith("as="))?.slice(3);
    const isMetaV1 = !parameters.includes("v=v1beta1");
    if (as === undefined) return "object";
    if (as === "table" && isMetaV1) return "table";
    if ((as === "partialobjectmetadata" || as === "partialobjectmetadatalist") && isMetaV1) return "metadata";
  }
  throw notAcceptable(["application/json"]);
}
