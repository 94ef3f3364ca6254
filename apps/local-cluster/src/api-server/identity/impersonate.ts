import type { IncomingMessage } from "node:http";
import type { Attributes } from "../authorization/attributes.ts";
import { setField } from "../api-object.ts";
import { internalError } from "../status-error.ts";
import type { User } from "./user.ts";

// `kubectl --as` and `--as-group`: an allowed user acts as another one, with that one's rights only.

type Authorize = (user: User, attributes: Attributes) => void;

const extraPrefix = "impersonate-extra-";

/**
 * The user that a request is made as: the one who makes it, unless its headers name another.
 *
 * @throws StatusError 403 unless the maker may `impersonate` everything that the headers ask for.
 */
export function impersonate(request: IncomingMessage, maker: User, authorize: Authorize): User {
  if (!Object.keys(request.headers).some((header) => header.startsWith("impersonate-"))) return maker;
  const asked = askedOf(request);
  const { name, groups, uid, extra } = asked;
  if (name === "") throw internalError("requested groups, uid or extra without impersonating a user");
  const account = accountOf(name);
  for (const attributes of neededFor(asked, account)) authorize(maker, attributes);
  return {
    name,
    groups: groupsOf(name, groups, account),
    ...(uid !== "" && { uid }),
    ...(Object.keys(extra).length > 0 && { extra }),
  };
}

interface Asked {
  readonly name: string;
  readonly groups: readonly string[];
  readonly uid: string;
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

function askedOf({ headers, headersDistinct }: IncomingMessage): Asked {
  return {
    name: headers["impersonate-user"]?.toString() ?? "",
    groups: headersDistinct["impersonate-group"] ?? [],
    uid: headers["impersonate-uid"]?.toString() ?? "",
    extra: extraOf(headersDistinct),
  };
}

function neededFor({ name, groups, uid, extra }: Asked, account: Account | undefined): Attributes[] {
  return [
    account === undefined ? verbOn("users", name) : verbOn("serviceaccounts", account),
    ...groups.map((group) => verbOn("groups", group)),
    ...(uid === "" ? [] : [verbOn("uids", uid, authentication)]),
    ...Object.entries(extra).flatMap(([key, values]) =>
      values.map((value) => verbOn("userextras", value, { ...authentication, subresource: key })),
    ),
  ];
}

interface Account {
  readonly namespace: string;
  readonly name: string;
}

const authentication = { group: "authentication.k8s.io" };

function verbOn(
  resource: string,
  who: string | Account,
  { group = "", subresource = "" }: { group?: string; subresource?: string } = {},
): Attributes {
  const { namespace, name } = typeof who === "string" ? { namespace: "", name: who } : who;
  return { verb: "impersonate", group, resource, subresource, namespace, name };
}

function accountOf(user: string): Account | undefined {
  const [, namespace, name] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(user) ?? [];
  return namespace === undefined || name === undefined ? undefined : { namespace, name };
}

/** Whoever is somebody is authenticated; a ServiceAccount has its groups unless others are asked for. */
function groupsOf(name: string, asked: readonly string[], account: Account | undefined): readonly string[] {
  const own =
    asked.length === 0 && account !== undefined
      ? ["system:serviceaccounts", `system:serviceaccounts:${account.namespace}`]
      : asked;
  const everybody = name === "system:anonymous" ? "system:unauthenticated" : "system:authenticated";
  return own.includes(everybody) ? own : [...own, everybody];
}

function extraOf(headersDistinct: IncomingMessage["headersDistinct"]): Record<string, readonly string[]> {
  const extra: Record<string, readonly string[]> = {};
  for (const [header, values] of Object.entries(headersDistinct)) {
    if (!header.startsWith(extraPrefix) || values === undefined) continue;
    setField(extra, decodeKey(header.slice(extraPrefix.length)), values);
  }
  return extra;
}

function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}
