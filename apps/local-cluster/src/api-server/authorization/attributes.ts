import type { User } from "../identity/user.ts";
import type { ResourceName, StatusError } from "../status-error.ts";
import { forbidden, forbiddenOutright } from "../status-error.ts";

/** What somebody wants to do to objects. Empty strings where the request says nothing. */
export interface ResourceAttributes {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
}

/** What somebody wants of a path that names no resource. The verb is the HTTP method in lower case. */
export interface PathAttributes {
  readonly verb: string;
  readonly path: string;
}

export type Attributes = ResourceAttributes | PathAttributes;

export function isPathAttributes(attributes: Attributes): attributes is PathAttributes {
  return "path" in attributes;
}

/** `pods/log`, or `pods`. */
export function combinedResource({ resource, subresource }: ResourceAttributes): string {
  return subresource === "" ? resource : `${resource}/${subresource}`;
}

/** The refusal in upstream's words, which people and scripts know. */
export function forbiddenFor(user: User, attributes: Attributes, reason = ""): StatusError {
  const suffix = reason === "" ? "" : `: ${reason}`;
  const who = `User ${JSON.stringify(user.name)} cannot ${attributes.verb}`;
  if (isPathAttributes(attributes)) return forbiddenOutright(`${who} path ${JSON.stringify(attributes.path)}${suffix}`);
  const { group, resource, namespace, name } = attributes;
  const what = `resource ${JSON.stringify(combinedResource(attributes))} in API group ${JSON.stringify(group)}`;
  const where = namespace === "" ? "at the cluster scope" : `in the namespace ${JSON.stringify(namespace)}`;
  const refused: ResourceName = { group, plural: resource, kind: "" };
  return forbidden(refused, name, { message: `${who} ${what} ${where}${suffix}` });
}
