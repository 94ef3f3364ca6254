import { canonicalRegistry } from "./image-reference.ts";
import { OciError } from "./errors.ts";

/** Where registries answer, where that is not simply https at their name. */
export interface EndpointOptions {
  /**
   * Base URLs of registries by name, such as `{"registry.localhost:5000": "http://10.96.0.20:5000"}`: aliases and mirrors.
   * Credentials are still those of the name. An http URL here is allowed, whatever the host.
   */
  readonly endpoints?: Readonly<Record<string, string>>;
  /** Registries that speak plain http, as host or host:port. Loopback addresses, `localhost` and `*.localhost` always do. */
  readonly plainHttp?: readonly string[];
}

/** The three names under which the local cluster's own registry is known. */
export function localRegistryNames(port: number): string[] {
  return [`registry.localhost:${port}`, `localhost:${port}`, `127.0.0.1:${port}`];
}

/** The base URL at which a registry answers. @throws OciError `InvalidReference` when an endpoint is no http(s) URL. */
export function endpointOf(registry: string, { endpoints = {}, plainHttp = [] }: EndpointOptions): URL {
  const name = canonicalRegistry(registry);
  const given = endpoints[name];
  if (given !== undefined) {
    const url = URL.parse(given);
    if (url?.protocol === "http:" || url?.protocol === "https:") return url;
    throw new OciError(
      "InvalidReference",
      `the endpoint of ${name}, ${JSON.stringify(given)}, is no http or https URL`,
    );
  }
  const host = name === "docker.io" ? "registry-1.docker.io" : name;
  return new URL(`${isPlain(host, plainHttp) ? "http" : "https"}://${host}`);
}

/** Whether a URL may be spoken to without TLS. */
export function mayBePlain(url: URL, { plainHttp = [] }: EndpointOptions): boolean {
  return isPlain(url.host, plainHttp);
}

function isPlain(host: string, plainHttp: readonly string[]): boolean {
  const name = host.replace(/:\d+$/, "").toLowerCase();
  return isLoopbackName(name) || plainHttp.includes(host) || plainHttp.includes(name);
}

function isLoopbackName(name: string): boolean {
  return name === "localhost" || name.endsWith(".localhost") || name === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(name);
}
