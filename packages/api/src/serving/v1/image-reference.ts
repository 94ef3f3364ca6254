/** The parts of an image reference such as `ghcr.io/knative/helloworld-go:latest@sha256:…`. */
export interface ImageReference {
  /** Host and port; `index.docker.io` when the reference names none. */
  readonly registry: string;
  readonly repository: string;
  readonly tag: string | undefined;
  /** With its algorithm, `sha256:…`. */
  readonly digest: string | undefined;
}

/** The registry meant when an image names none. */
export const defaultRegistry = "index.docker.io";

/** Takes an image reference apart. @throws RangeError with the text Knative's users know. */
export function parseImageReference(image: string): ImageReference {
  const fail = (): never => {
    throw new RangeError(`could not parse reference: ${image}`);
  };
  const [named = "", digest, ...rest] = image.split("@");
  if (rest.length > 0 || (digest !== undefined && !/^sha256:[0-9a-f]{64}$/.test(digest))) fail();
  const { name, tag } = splitTag(named);
  const { registry, repository } = splitRegistry(name);
  if (!/^[a-z0-9_\-./]{1,255}$/.test(repository)) fail();
  if (!/^([A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\])(:\d{1,5})?$/.test(registry)) fail();
  if (tag !== undefined && !/^[A-Za-z0-9_\-.]{1,127}$/.test(tag)) fail();
  return { registry, repository, tag, digest };
}

// A colon before the last slash belongs to the registry's port.
function splitTag(named: string): { name: string; tag: string | undefined } {
  const colon = named.lastIndexOf(":");
  const tag = colon < 0 ? "/" : named.slice(colon + 1);
  return tag === "" || tag.includes("/")
    ? { name: tag === "" ? named.slice(0, colon) : named, tag: undefined }
    : { name: named.slice(0, colon), tag };
}

// The first part is a registry when it looks like a host.
function splitRegistry(name: string): { registry: string; repository: string } {
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  if (first.includes(".") || first.includes(":") || first === "localhost") {
    return { registry: first, repository: name.slice(slash + 1) };
  }
  return { registry: defaultRegistry, repository: name };
}
