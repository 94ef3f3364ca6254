import { forbiddenField, notSupported } from "../field-cause.ts";
import type { ListOptions } from "../registry/list-page.ts";
import { badRequest, invalid } from "../status-error.ts";
import { selectorsOf } from "./selectors-of.ts";

/** What a list asks for. @throws StatusError 400 or 422 for what does not go together. */
export function listOptionsOf(query: URLSearchParams): ListOptions {
  const text = (name: string): string => query.get(name) ?? "";
  const [continueToken, resourceVersion, match] = [
    text("continue"),
    text("resourceVersion"),
    text("resourceVersionMatch"),
  ];
  checkMatch({ match, resourceVersion, continueToken });
  if (query.has("sendInitialEvents")) refuse("sendInitialEvents", "sendInitialEvents is forbidden for list");
  const isAnyState = resourceVersion === "" || resourceVersion === "0";
  if (continueToken !== "" && !isAnyState) {
    throw badRequest("specifying resource version is not allowed when using continue");
  }
  const limit = parseLimit(text("limit"));
  return {
    ...selectorsOf(query),
    continueToken,
    resourceVersion,
    // Informers ask for any state in pages, and are content to get it at once, as from upstream's cache.
    limit: resourceVersion === "0" && continueToken === "" ? 0 : limit,
    isExact: match === "Exact" || (match === "" && limit > 0 && !isAnyState),
  };
}

function checkMatch({ match, resourceVersion, continueToken }: Record<string, string>): void {
  const field = "resourceVersionMatch";
  if (match === undefined || match === "") return;
  if (match !== "Exact" && match !== "NotOlderThan") {
    throw invalid(listOptions, "", [notSupported(field, match, ["Exact", "NotOlderThan", ""])]);
  }
  if (continueToken !== "") refuse(field, "resourceVersionMatch is forbidden when continue is provided");
  if (resourceVersion === "") refuse(field, "resourceVersionMatch is forbidden unless resourceVersion is provided");
  if (match === "Exact" && resourceVersion === "0") {
    refuse(field, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
  }
}

const listOptions = { group: "meta.k8s.io", plural: "listoptions", kind: "ListOptions" };

function refuse(field: string, detail: string): never {
  throw invalid(listOptions, "", [forbiddenField(field, detail)]);
}

function parseLimit(text: string): number {
  if (text !== "" && !/^\d{1,9}$/.test(text)) {
    throw badRequest(`limit: Invalid value: ${JSON.stringify(text)}: must be a number, not below 0`);
  }
  return Number(text);
}
