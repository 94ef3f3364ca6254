import { parsePort } from "@kelvin/http-service";

/** Where this process listens and keeps its content, from the environment. */
export interface Config {
  readonly host: string;
  /** The distribution API. */
  readonly port: number;
  /** Health, readiness and metrics. */
  readonly internalPort: number;
  readonly directory: string;
  /** A file of `user:bcrypt hash` lines; without one anybody may do anything. */
  readonly htpasswdFile: string | undefined;
}

/** Parses the environment. @throws Error naming the variable that is wrong and what is allowed. */
export function parseConfig(env: NodeJS.ProcessEnv): Config {
  const directory = env["REGISTRY_DIRECTORY"] ?? "";
  if (!directory.startsWith("/")) {
    throw new Error(`REGISTRY_DIRECTORY must be the absolute path of a directory, was "${directory}"`);
  }
  return {
    // Inside a Pod every address of the Pod is meant; elsewhere nobody but this machine.
    host: env["POD_IP"] === undefined ? "127.0.0.1" : "0.0.0.0",
    port: parsePort(env, "REGISTRY_PORT", 5000),
    internalPort: parsePort(env, "INTERNAL_PORT", 8090),
    directory,
    htpasswdFile: env["REGISTRY_HTPASSWD"] === "" ? undefined : env["REGISTRY_HTPASSWD"],
  };
}
