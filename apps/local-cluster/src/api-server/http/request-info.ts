/** What a URL means, before it is known whether such a resource is served. */
export interface ResourceRequest {
  readonly group: string;
  readonly version: string;
  readonly namespace: string;
  readonly plural: string;
  /** Empty for a collection. */
  readonly name: string;
  readonly subresource: string;
}

/**
 * Reads `/api/v1/…` and `/apis/{group}/{version}/…`; `undefined` when the path names no resource.
 * `namespaces/{name}` is a resource itself; its only subresources are `status` and `finalize`.
 */
export function parseResourcePath(path: string): ResourceRequest | undefined {
  const segments = decodeSegments(path);
  if (segments === undefined) return undefined;
  const isCore = segments[0] === "api";
  if (!isCore && segments[0] !== "apis") return undefined;
  const [group = "", version = ""] = isCore ? ["", segments[1]] : segments.slice(1, 3);
  let rest = segments.slice(isCore ? 2 : 3);
  let namespace = "";
  if (rest[0] === "namespaces" && rest.length > 2 && !isNamespaceSubresource(rest)) {
    namespace = rest[1] ?? "";
    rest = rest.slice(2);
  }
  const [plural = "", name = "", ...subresource] = rest;
  if (plural === "" || version === "" || subresource.length > 1) return undefined;
  return { group, version, namespace, plural, name, subresource: subresource[0] ?? "" };
}

function isNamespaceSubresource(rest: readonly string[]): boolean {
  return rest.length === 3 && (rest[2] === "status" || rest[2] === "finalize");
}

function decodeSegments(path: string): string[] | undefined {
  try {
    return path
      .split("/")
      .filter((segment) => segment !== "")
      .map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

/** Whether a query parameter is switched on: any value but `false` and `0`. */
export function isSet(value: string | null): boolean {
  return value !== null && value !== "false" && value !== "0";
}
