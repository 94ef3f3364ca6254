import { parsePort } from "@kelvin/http-service";

/** Where this process runs and listens, from the environment. */
export interface Config {
  readonly systemNamespace: string;
  readonly podName: string;
  /** Address that the activators reach this process at. */
  readonly podAddress: string;
  readonly host: string;
  readonly internalPort: number;
}

/** Parses the environment. @throws Error naming the variable that is wrong and what is allowed. */
export function parseConfig(env: NodeJS.ProcessEnv): Config {
  const podAddress = env["POD_IP"] ?? "127.0.0.1";
  return {
    systemNamespace: env["SYSTEM_NAMESPACE"] ?? "knative-serving",
    podName: env["POD_NAME"] ?? `autoscaler-${process.pid}`,
    podAddress,
    // Inside a Pod every address of the Pod is meant; elsewhere nobody but this machine.
    host: env["POD_IP"] === undefined ? "127.0.0.1" : "0.0.0.0",
    internalPort: parsePort(env, "INTERNAL_PORT", 8090),
  };
}
