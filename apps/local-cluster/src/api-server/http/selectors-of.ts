import type { Selectors } from "../reading/selectors.ts";

/** The selectors of a list, a watch or a collection's deletion. */
export function selectorsOf(query: URLSearchParams): Selectors {
  return {
    labelSelector: query.get("labelSelector") ?? undefined,
    fieldSelector: query.get("fieldSelector") ?? undefined,
  };
}
