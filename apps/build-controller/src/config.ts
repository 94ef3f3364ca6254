import { tmpdir } from "node:os";
import { join } from "node:path";
import { parsePort } from "@kelvin/http-service";

/** Where this process runs and listens, from the environment. */
export interface Config {
  readonly systemNamespace: string;
  readonly podName: string;
  readonly host: string;
  readonly internalPort: number;
  readonly admissionPort: number;
  /** Where the output of steps is kept. */
  readonly logDirectory: string;
}

/** Parses the environment. @throws Error naming the variable that is wrong and what is allowed. */
export function parseConfig(env: NodeJS.ProcessEnv): Config {
  return {
    systemNamespace: env["SYSTEM_NAMESPACE"] ?? "knative-build",
    podName: env["POD_NAME"] ?? `build-controller-${process.pid}`,
    // Inside a Pod every address of the Pod is meant; elsewhere nobody but this machine.
    host: env["POD_IP"] === undefined ? "127.0.0.1" : "0.0.0.0",
    internalPort: parsePort(env, "INTERNAL_PORT", 8090),
    admissionPort: parsePort(env, "ADMISSION_PORT", 8443),
    logDirectory: env["LOG_DIR"] ?? join(tmpdir(), "kelvin-build-logs"),
  };
}
