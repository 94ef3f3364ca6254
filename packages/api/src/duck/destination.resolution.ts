import { isRecord } from "../meta/equality.ts";
import type { Addressable, Destination, KReference } from "./destination.types.ts";
import { forbiddenHostReason } from "./forbidden-host.ts";

/** Where a destination leads to. */
export interface ResolvedDestination {
  readonly url: string;
  readonly CACerts?: string;
  readonly audience?: string;
}

/** An address, or why there is none: a sentence for a condition's message. */
export type Resolution =
  | { readonly ok: true; readonly address: ResolvedDestination }
  | { readonly ok: false; readonly problem: string };

/** Whether the reference is to a Kubernetes Service, whose address follows from its name. Its object need only exist. */
export function isCoreService(ref: KReference): boolean {
  return ref.kind === "Service" && ref.apiVersion === "v1";
}

/**
 * Resolves a destination whose reference, if it has one, was looked up before. `target` is the object referred to (undefined: it
 * does not exist), its namespace filled in by defaults. Pure: ask again whenever the target changes. Every address that events
 * must not go to is a problem; names are not looked up.
 */
export function resolveDestination(
  destination: Destination,
  { target, clusterDomain }: { readonly target?: unknown; readonly clusterDomain: string },
): Resolution {
  const { ref, uri } = destination;
  if (ref === undefined) {
    return uri === undefined
      ? failed("destination missing Ref and URI, expected at least one")
      : checked({ url: uri }, destination);
  }
  if (target === undefined) return failed(`${nameOf(ref)} does not exist`);
  const found = isCoreService(ref)
    ? resolved(serviceAddress(ref, { clusterDomain, isSecure: destination.CACerts !== undefined }))
    : addressOf(target, ref);
  if (!found.ok) return found;
  if (uri === undefined) return checked(found.address, destination);
  const url = joinUri(found.address.url, uri);
  return url.ok ? checked({ ...found.address, url: url.address.url }, destination) : url;
}

/** The address in an object's status that a reference means: the named one, or the first of `addresses`, or `address`. */
export function addressOf(target: unknown, ref: KReference): Resolution {
  const status = isRecord(target) && isRecord(target["status"]) ? target["status"] : {};
  const listed = Array.isArray(status["addresses"]) ? status["addresses"].filter(isRecord) : [];
  const single = isRecord(status["address"]) ? status["address"] : undefined;
  const name = ref.address ?? "";
  const address = name === "" ? (listed[0] ?? single) : listed.find((candidate) => candidate["name"] === name);
  if (address !== undefined) return checkedAddress(address, ref);
  if (name === "") return failed(`address not set for ${nameOf(ref)}`);
  const names = listed.map((one) => String(one["name"])).join(", ") || "none";
  return failed(`${nameOf(ref)} has no address named "${name}"; it has: ${names}`);
}

function checkedAddress({ url, CACerts, audience }: Addressable, ref: KReference): Resolution {
  if (typeof url !== "string" || url === "") return failed(`url missing in address of ${nameOf(ref)}`);
  if (!URL.canParse(url) || new URL(url).hostname === "")
    return failed(`hostname missing in address of ${nameOf(ref)}`);
  return resolved({ url, ...overrides({ CACerts, audience }) });
}

// Without what is absent or no text; nobody has checked the status of a kind that is not ours.
function overrides({ CACerts, audience }: { CACerts?: unknown; audience?: unknown }): Partial<ResolvedDestination> {
  return {
    ...(typeof CACerts === "string" ? { CACerts } : {}),
    ...(typeof audience === "string" ? { audience } : {}),
  };
}

/** Joins a relative URI with a base as RFC 3986 says: `/p` replaces the base's path, `p` its last segment. */
export function joinUri(base: string, uri: string): Resolution {
  if (/^[a-z][a-z0-9+.-]*:/i.test(uri)) {
    return failed("absolute URI is not allowed when Ref or [apiVersion, kind, name] exists");
  }
  return URL.canParse(uri, base)
    ? resolved({ url: new URL(uri, base).href })
    : failed(`"${uri}" cannot be joined with the address ${base}`);
}

function serviceAddress(
  { name = "", namespace = "" }: KReference,
  { clusterDomain, isSecure }: { clusterDomain: string; isSecure: boolean },
): ResolvedDestination {
  return { url: `${isSecure ? "https" : "http"}://${name}.${namespace}.svc.${clusterDomain}` };
}

// The destination's own certificates and audience stand above those of the address.
function checked(address: ResolvedDestination, { CACerts, audience }: Destination): Resolution {
  if (!/^https?:\/\/[^/?#]/i.test(address.url) || !URL.canParse(address.url)) {
    return failed(`URI is not absolute (both scheme and host should be non-empty): "${address.url}"`);
  }
  const forbidden = forbiddenHostReason(new URL(address.url).hostname);
  if (forbidden !== undefined) return failed(`${address.url} is refused: ${forbidden}`);
  return resolved({ ...address, ...overrides({ CACerts, audience }) });
}

function nameOf({ kind = "", namespace = "", name = "" }: KReference): string {
  return `${kind} ${namespace === "" ? "" : `${namespace}/`}${name}`;
}

function resolved(address: ResolvedDestination): Resolution {
  return { ok: true, address };
}

function failed(problem: string): Resolution {
  return { ok: false, problem };
}
