/** An image reference in its parts, with Docker's defaults filled in. */
export interface ImageReference {
  /** Host and port to ask, such as `index.docker.io`. */
  readonly registry: string;
  /** Such as `library/nginx`. */
  readonly repository: string;
  /** Absent when the reference is by digest. */
  readonly tag?: string;
  /** Such as `sha256:…`. */
  readonly digest?: string;
}

const dockerRegistry = "index.docker.io";
const repositoryPattern = /^[a-z0-9]+(?:[._/-]+[a-z0-9]+)*$/;
const tagPattern = /^[\w][\w.-]{0,127}$/;
const digestPattern = /^sha256:[0-9a-f]{64}$/;

/** Takes an image reference apart. @throws SyntaxError when it is none. */
export function parseImageReference(image: string): ImageReference {
  const [name = "", digest, ...rest] = image.split("@");
  if (rest.length > 0 || (digest !== undefined && !digestPattern.test(digest))) {
    throw new SyntaxError(`could not parse reference: ${image}`);
  }
  const tagStart = name.lastIndexOf(":") > name.lastIndexOf("/") ? name.lastIndexOf(":") : name.length;
  const tag = name.slice(tagStart + 1);
  const { registry, repository } = splitRegistry(name.slice(0, tagStart));
  if (!repositoryPattern.test(repository) || (tag !== "" && !tagPattern.test(tag))) {
    throw new SyntaxError(`could not parse reference: ${image}`);
  }
  if (digest !== undefined) return { registry, repository, digest };
  return { registry, repository, tag: tag === "" ? "latest" : tag };
}

/** Whether the reference names its content, so that there is nothing to resolve. */
export function isByDigest(image: string): boolean {
  return image.includes("@sha256:");
}

function splitRegistry(path: string): { registry: string; repository: string } {
  const slash = path.indexOf("/");
  const first = slash < 0 ? "" : path.slice(0, slash);
  // Docker's rule: the first part is a host only if it looks like one.
  if (first === "localhost" || /[.:]/.test(first)) return withDockerLibrary(first, path.slice(slash + 1));
  return withDockerLibrary(dockerRegistry, path);
}

function withDockerLibrary(host: string, repository: string): { registry: string; repository: string } {
  const registry = host === "docker.io" ? dockerRegistry : host;
  const needsLibrary = registry === dockerRegistry && !repository.includes("/");
  return { registry, repository: needsLibrary ? `library/${repository}` : repository };
}

/** The host that a reference names, `index.docker.io` when it names none; "" when the reference is broken. */
export function registryOf(image: string): string {
  return splitRegistry(image).registry;
}
