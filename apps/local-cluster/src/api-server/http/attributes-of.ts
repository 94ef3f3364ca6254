import type { Attributes } from "../authorization/attributes.ts";
import type { Exchange } from "./exchange.ts";
import { parseResourcePath, verbOf, type ResourceRequest } from "./request-info.ts";

/** What a request wants, in the terms in which rights are given. */
export function attributesOf({ request, path, query }: Exchange, target = parseResourcePath(path)): Attributes {
  if (target === undefined) return { verb: request.method?.toLowerCase() ?? "", path };
  const { group, plural, subresource, name } = target;
  const verb = verbOf(request.method, query, target);
  const isRead = verb === "list" || verb === "watch";
  return {
    verb,
    group,
    resource: plural,
    subresource,
    namespace: namespaceOf(target),
    name: isRead ? nameInSelector(query.get("fieldSelector")) : name,
  };
}

/** A Namespace lies within itself, so that a Role in it can speak of it. */
function namespaceOf({ group, plural, namespace, name }: ResourceRequest): string {
  return group === "" && plural === "namespaces" ? name : namespace;
}

/** Whoever may read one object may list and watch it too, by its name. */
function nameInSelector(fieldSelector: string | null): string {
  for (const term of (fieldSelector ?? "").split(",")) {
    const [, name] = /^\s*metadata\.name\s*==?\s*([^=\s]+)\s*$/.exec(term) ?? [];
    if (name !== undefined) return name;
  }
  return "";
}
