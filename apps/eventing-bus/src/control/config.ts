import { parsePort } from "@kelvin/http-service";

/** Where a process of role `control` runs and listens, from the environment. */
export interface ControlConfig {
  readonly systemNamespace: string;
  readonly podName: string;
  readonly host: string;
  readonly internalPort: number;
  readonly admissionPort: number;
}

/** Parses the environment. @throws Error naming the variable that is wrong and what is allowed. */
export function parseControlConfig(env: NodeJS.ProcessEnv): ControlConfig {
  return {
    systemNamespace: env["SYSTEM_NAMESPACE"] ?? "knative-eventing",
    podName: env["POD_NAME"] ?? `eventing-controller-${process.pid}`,
    // Inside a Pod every address of the Pod is meant; elsewhere nobody but this machine.
    host: env["POD_IP"] === undefined ? "127.0.0.1" : "0.0.0.0",
    internalPort: parsePort(env, "INTERNAL_PORT", 8090),
    admissionPort: parsePort(env, "ADMISSION_PORT", 8443),
  };
}
