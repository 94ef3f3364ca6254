import { OciError } from "./errors.ts";

/** An image reference in its parts, with Docker's defaults filled in. */
export interface ImageReference {
  /** Host and port as written, such as `registry.localhost:5000`; `docker.io` when the reference names none. */
  readonly registry: string;
  /** Such as `library/nginx`. */
  readonly repository: string;
  /** Absent when the reference has a digest and no tag; `latest` when it has neither. */
  readonly tag?: string;
  /** Such as `sha256:…`. It wins over the tag. */
  readonly digest?: string;
}

const registryPattern = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9_.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::([0-9]{1,5}))?$/;
const componentPattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const repositoryLengthMax = 255;

/** Docker Hub's names; the second is where it answers. */
const dockerHubNames = new Set(["docker.io", "index.docker.io", "registry-1.docker.io"]);

/**
 * Takes an image reference apart, by Docker's rules: the first part is a registry when it has a dot or a colon or is
 * `localhost`; without one it is Docker Hub, where single names are below `library/`.
 *
 * @throws OciError `InvalidReference`, whose message quotes the reference and says what is wrong with it.
 */
export function parseImageReference(text: string): ImageReference {
  const [named = "", digest, ...rest] = text.split("@");
  const { name, tag } = splitTag(named);
  const { registry, repository } = splitRegistry(name);
  const wrong =
    complainOfParts(named, rest) ??
    complainOfDigest(digest) ??
    complainOfTag(tag) ??
    complainOfRegistry(registry) ??
    complainOfRepository(repository);
  if (wrong !== undefined) {
    throw new OciError("InvalidReference", `image reference ${JSON.stringify(text)}: ${wrong}`);
  }
  if (digest === undefined) return { registry, repository, tag: tag ?? "latest" };
  return { registry, repository, ...(tag === undefined ? {} : { tag }), digest };
}

function complainOfParts(named: string, rest: readonly string[]): string | undefined {
  if (named === "") return "it is empty; expected [registry/]repository[:tag][@digest]";
  return rest.length > 0 ? 'it has more than one "@"' : undefined;
}

function complainOfDigest(digest: string | undefined): string | undefined {
  if (digest === undefined || isDigest(digest)) return undefined;
  return `${JSON.stringify(digest)} is no digest; expected sha256: and 64 (or sha512: and 128) lower-case hexadecimal digits`;
}

function complainOfTag(tag: string | undefined): string | undefined {
  if (tag === undefined || isTag(tag)) return undefined;
  return `${JSON.stringify(tag)} is no tag; allowed are up to 128 letters, digits, ".", "_" and "-"`;
}

function complainOfRegistry(registry: string): string | undefined {
  const port = Number(registryPattern.exec(registry)?.[1] ?? 1);
  if (registryPattern.test(registry) && port >= 1 && port <= 65_535) return undefined;
  return `${JSON.stringify(registry)} is no registry; expected host or host:port`;
}

/** What is wrong with a repository's name, or undefined. */
export function complainOfRepository(repository: string): string | undefined {
  if (repository.length > repositoryLengthMax) return `the repository is longer than ${repositoryLengthMax} characters`;
  const wrong = repository.split("/").find((component) => !componentPattern.test(component));
  if (wrong === undefined) return undefined;
  if (wrong === "") return "the repository has an empty part";
  const hint = wrong.toLowerCase() === wrong ? "" : "; it must be lower case";
  return `${JSON.stringify(wrong)} is no part of a repository's name: allowed are a-z and 0-9, and ".", "_", "-" between them${hint}`;
}

/** Writes a reference out in full, such as `docker.io/library/nginx:latest`. */
export function formatImageReference({ registry, repository, tag, digest }: ImageReference): string {
  const tagged = tag === undefined ? "" : `:${tag}`;
  return `${registry}/${repository}${tagged}${digest === undefined ? "" : `@${digest}`}`;
}

/** Whether the text is a sha256 or sha512 digest in its canonical form. */
export function isDigest(text: string): boolean {
  return /^sha256:[0-9a-f]{64}$/.test(text) || /^sha512:[0-9a-f]{128}$/.test(text);
}

/** Whether a text is a tag by the distribution specification. */
export function isTag(text: string): boolean {
  return tagPattern.test(text);
}

// A colon before the last slash belongs to the registry's port.
function splitTag(named: string): { name: string; tag: string | undefined } {
  const colon = named.lastIndexOf(":");
  if (colon < 0 || named.includes("/", colon)) return { name: named, tag: undefined };
  return { name: named.slice(0, colon), tag: named.slice(colon + 1) };
}

function splitRegistry(name: string): { registry: string; repository: string } {
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  const isHost = first === "localhost" || /[.:]/.test(first) || /[A-Z]/.test(first);
  const registry = isHost ? canonicalRegistry(first) : "docker.io";
  const repository = isHost ? name.slice(slash + 1) : name;
  const needsLibrary = registry === "docker.io" && !repository.includes("/");
  return { registry, repository: needsLibrary ? `library/${repository}` : repository };
}

/** One spelling of a registry's host: lower case, and `docker.io` for all names of Docker Hub. */
export function canonicalRegistry(host: string): string {
  const lower = host.toLowerCase();
  return dockerHubNames.has(lower) ? "docker.io" : lower;
}
