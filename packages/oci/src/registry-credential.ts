import { canonicalRegistry } from "./image-reference.ts";
import { OciError } from "./errors.ts";

/** What to say to a registry that asks who we are. */
export interface RegistryCredential {
  /** Host and port, `docker.io` for Docker Hub; it may have a `*` in each part, as Kubernetes allows. */
  readonly registry: string;
  /** The credential is for repositories at or below this path only; "" for all. */
  readonly path: string;
  readonly username: string;
  readonly password: string;
  /** A refresh token that the registry's token service takes instead of the password. */
  readonly identityToken?: string;
}

/**
 * Parses a Docker configuration, `{"auths": {...}}` or the older `{"<registry>": {...}}`. Entries without a usable
 * credential are left out. Credential helpers are programs and are not run.
 *
 * @throws OciError `InvalidContent` when the text is no JSON object; the message quotes nothing of it.
 */
export function parseDockerConfig(text: string): RegistryCredential[] {
  const content = parseObject(text);
  const auths = isRecord(content["auths"]) ? content["auths"] : content;
  return Object.entries(auths).flatMap(([key, entry]) => (isRecord(entry) ? parseEntry(key, entry) : []));
}

/** The credential for a repository: of those that fit, the one with the longest path, then the first. */
export function findCredential(
  credentials: readonly RegistryCredential[],
  { registry, repository }: { readonly registry: string; readonly repository: string },
): RegistryCredential | undefined {
  const fitting = credentials.filter(
    (credential) =>
      matchesHost(credential.registry, canonicalRegistry(registry)) &&
      (credential.path === "" || repository === credential.path || repository.startsWith(`${credential.path}/`)),
  );
  return fitting.toSorted((a, b) => b.path.length - a.path.length)[0];
}

function parseEntry(key: string, entry: Record<string, unknown>): RegistryCredential[] {
  const decoded = Buffer.from(textOf(entry["auth"]), "base64").toString();
  const colon = decoded.indexOf(":");
  const username = textOf(entry["username"]) || (colon < 0 ? "" : decoded.slice(0, colon));
  const password = textOf(entry["password"]) || (colon < 0 ? "" : decoded.slice(colon + 1));
  const identityToken = textOf(entry["identitytoken"]);
  if (username === "" && identityToken === "") return [];
  return [{ ...parseKey(key), username, password, ...(identityToken === "" ? {} : { identityToken }) }];
}

/** Keys are hosts, URLs such as `https://index.docker.io/v1/`, or a host and the beginning of a path. */
function parseKey(key: string): { registry: string; path: string } {
  const bare = key.trim().replace(/^https?:\/\//, "");
  const slash = bare.indexOf("/");
  const host = slash < 0 ? bare : bare.slice(0, slash);
  const path = slash < 0 ? "" : bare.slice(slash + 1).replace(/\/+$/, "");
  return { registry: canonicalRegistry(host), path: /^v[12]$/.test(path) ? "" : path };
}

function matchesHost(pattern: string, host: string): boolean {
  if (!pattern.includes("*")) return pattern === host;
  const [patternParts, hostParts] = [pattern.split("."), host.split(".")];
  return (
    patternParts.length === hostParts.length && patternParts.every((part, i) => matchesPart(part, hostParts[i] ?? ""))
  );
}

function matchesPart(pattern: string, part: string): boolean {
  const escaped = pattern.split("*").map((piece) => piece.replaceAll(/[^a-z0-9]/g, String.raw`\$&`));
  return new RegExp(`^${escaped.join("[^.]*")}$`).test(part);
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const content: unknown = JSON.parse(text);
    if (isRecord(content)) return content;
  } catch {
    // The parser's message quotes the text, which is secret: said in our own words below.
  }
  throw new OciError("InvalidContent", 'the Docker configuration is no JSON object such as {"auths": {...}}');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
