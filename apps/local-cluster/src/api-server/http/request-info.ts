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
  switch (segments?.[0]) {
    case "api":
      return parseWithin("", segments[1], segments.slice(2));
    case "apis":
      return parseWithin(segments[1] ?? "", segments[2], segments.slice(3));
    default:
      return undefined;
  }
}

function parseWithin(
  group: string,
  version: string | undefined,
  segments: readonly string[],
): ResourceRequest | undefined {
  const isInNamespace = segments[0] === "namespaces" && segments.length > 2 && !isNamespaceSubresource(segments);
  const [plural, name = "", subresource = "", ...rest] = isInNamespace ? segments.slice(2) : segments;
  if (version === undefined || plural === undefined || rest.length > 0) return undefined;
  return { group, version, namespace: isInNamespace ? (segments[1] ?? "") : "", plural, name, subresource };
}

function isNamespaceSubresource(rest: readonly string[]): boolean {
  return rest.length === 3 && (rest[2] === "status" || rest[2] === "finalize");
}

function decodeSegments(path: string): string[] | undefined {
  try {
    return path
      .split("/")
      .filter((segment) => segment !== "")
      .map((segment) => (segment.includes("%") ? decodeURIComponent(segment) : segment));
  } catch {
    return undefined;
  }
}

/** The verb of a request for a resource, as roles and the registry name it. */
export function verbOf(method: string | undefined, query: URLSearchParams, { name }: ResourceRequest): string {
  switch (method) {
    case "GET":
    case "HEAD":
      if (name !== "") return "get";
      return isSet(query.get("watch")) ? "watch" : "list";
    case "POST":
      return "create";
    case "PUT":
      return "update";
    case "PATCH":
      return "patch";
    case "DELETE":
      return name === "" ? "deletecollection" : "delete";
    default:
      return method?.toLowerCase() ?? "";
  }
}

/** Whether a query parameter is switched on: any value but `false` and `0`. */
export function isSet(value: string | null): boolean {
  return value !== null && value !== "false" && value !== "0";
}
