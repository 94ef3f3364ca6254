import { parsePort } from "@kelvin/http-service";
import { complainOfRepository, isTag } from "@kelvin/oci/content";

/** Where this process listens and keeps its content, from the environment. */
export interface Config {
  readonly host: string;
  readonly port: number;
  readonly directory: string;
  /** A file of `user:bcrypt hash` lines; without one anybody may do anything. */
  readonly htpasswdFile: string | undefined;
  /** A larger blob is refused. */
  readonly blobBytesMax: number;
  /** An image to make from this machine's Node where it is missing. */
  readonly nodeImage: { readonly repository: string; readonly tag: string } | undefined;
}

const blobBytesMaxDefault = 16 * 1024 ** 3;

/** Parses the environment. @throws Error naming the variable that is wrong and what is allowed. */
export function parseConfig(env: NodeJS.ProcessEnv): Config {
  const directory = env["REGISTRY_DIRECTORY"] ?? "";
  if (!directory.startsWith("/")) {
    throw new Error(`REGISTRY_DIRECTORY must be the absolute path of a directory, was "${directory}"`);
  }
  const htpasswdFile = env["REGISTRY_HTPASSWD"];
  return {
    // Inside a Pod every address of the Pod is meant; elsewhere nobody but this machine.
    host: env["POD_IP"] === undefined ? "127.0.0.1" : "0.0.0.0",
    // Not REGISTRY_PORT: Kubernetes sets that for a Service called registry, to something else.
    port: parsePort(env, "LISTEN_PORT", 5000),
    directory,
    htpasswdFile: htpasswdFile === "" ? undefined : htpasswdFile,
    blobBytesMax: parseBytes(env, "REGISTRY_BLOB_BYTES_MAX"),
    nodeImage: parseNodeImage(env["REGISTRY_NODE_IMAGE"] ?? ""),
  };
}

function parseBytes(env: NodeJS.ProcessEnv, name: string): number {
  const raw = env[name];
  if (raw === undefined || raw === "") return blobBytesMaxDefault;
  const bytes = Number(raw);
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new Error(`${name} must be a count of bytes above 0, was "${raw}"`);
}

function parseNodeImage(text: string): Config["nodeImage"] {
  if (text === "") return undefined;
  const [repository = "", tag = "", ...rest] = text.split(":");
  if (complainOfRepository(repository) === undefined && isTag(tag) && rest.length === 0) return { repository, tag };
  throw new Error(`REGISTRY_NODE_IMAGE must be a repository and a tag such as kelvin/node:24, was "${text}"`);
}
