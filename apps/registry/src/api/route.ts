import { complainOfRepository, isDigest, isTag } from "@kelvin/oci/content";
import { RegistryError } from "./registry-error.ts";

/** What a path names. */
export type Route =
  | { readonly kind: "base" }
  | { readonly kind: "catalog" }
  | { readonly kind: "tags"; readonly repository: string }
  | { readonly kind: "manifest"; readonly repository: string; readonly reference: Reference }
  | { readonly kind: "blob"; readonly repository: string; readonly digest: string }
  | { readonly kind: "uploads"; readonly repository: string }
  | { readonly kind: "upload"; readonly repository: string; readonly id: string }
  | { readonly kind: "referrers"; readonly repository: string; readonly digest: string };

/** How a manifest is named. */
export type Reference =
  | { readonly tag: string; readonly digest?: never }
  | { readonly digest: string; readonly tag?: never };

const uploadPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Parses a path below `/v2/`; undefined when it names nothing. @throws RegistryError when a part of it is malformed. */
export function parseRoute(path: string): Route | undefined {
  const below = /^\/v2(?:\/(.*))?$/s.exec(decode(path));
  if (below === null) return undefined;
  const rest = (below[1] ?? "").split("/");
  if (rest.join("/") === "") return { kind: "base" };
  if (rest.join("/") === "_catalog") return { kind: "catalog" };
  const last = rest.pop() ?? "";
  const kind = rest.pop() ?? "";
  if (kind === "uploads" && rest.at(-1) === "blobs") return parseUpload(last, rest.slice(0, -1));
  // Without a slash at the end it is the same.
  if (kind === "blobs" && last === "uploads") return { kind: "uploads", repository: repositoryOf(rest) };
  return parseContent({ kind, last }, rest);
}

function parseContent({ kind, last }: { kind: string; last: string }, rest: readonly string[]): Route | undefined {
  switch (kind) {
    case "tags":
      return last === "list" ? { kind, repository: repositoryOf(rest) } : undefined;
    case "manifests":
      return { kind: "manifest", repository: repositoryOf(rest), reference: parseReference(last) };
    case "blobs":
      return { kind: "blob", repository: repositoryOf(rest), digest: parseDigest(last) };
    case "referrers":
      return { kind, repository: repositoryOf(rest), digest: parseDigest(last) };
    default:
      return undefined;
  }
}

function parseUpload(id: string, rest: readonly string[]): Route {
  const repository = repositoryOf(rest);
  if (id === "") return { kind: "uploads", repository };
  if (!uploadPattern.test(id)) throw new RegistryError("BLOB_UPLOAD_UNKNOWN", "there is no such upload");
  return { kind: "upload", repository, id };
}

/** Checks a digest. @throws RegistryError `DIGEST_INVALID`. */
export function parseDigest(text: string): string {
  if (isDigest(text)) return text;
  throw new RegistryError("DIGEST_INVALID", `${JSON.stringify(text.slice(0, 200))} is no sha256 or sha512 digest`);
}

function parseReference(text: string): Reference {
  if (text.includes(":")) return { digest: parseDigest(text) };
  if (isTag(text)) return { tag: text };
  // As an unknown one: what cannot be written cannot be read.
  throw new RegistryError("MANIFEST_INVALID", `${JSON.stringify(text.slice(0, 200))} is neither a tag nor a digest`);
}

function repositoryOf(parts: readonly string[]): string {
  return parseRepository(parts.join("/"));
}

/** Checks a repository's name. @throws RegistryError `NAME_INVALID`. */
export function parseRepository(name: string): string {
  const wrong = complainOfRepository(name);
  if (wrong === undefined) return name;
  throw new RegistryError("NAME_INVALID", wrong);
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new RegistryError("NAME_INVALID", "the path is not well encoded");
  }
}
