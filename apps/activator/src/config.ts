/** What the environment says, parsed once. */
export interface ActivatorConfig {
  readonly systemNamespace: string;
  readonly podName: string;
  readonly podIp: string;
  readonly ports: {
    readonly public: number;
    readonly local: number;
    readonly routed: number;
    readonly internal: number;
  };
  readonly isRequestLogOn: boolean;
  readonly drain: DrainConfig;
}

export interface DrainConfig {
  /** After SIGTERM new connections are still served for this long, until everybody knows that we are leaving. */
  readonly lingerMs: number;
  /** From then on requests have this long to end; the pod's grace must be longer than both together. */
  readonly drainMsMax: number;
}

/** @throws RangeError naming the variable that is wrong. */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): ActivatorConfig {
  const number = (name: string, fallback: number, max: number): number => {
    const text = env[name] ?? "";
    const value = text === "" ? fallback : Number(text);
    if (!Number.isInteger(value) || value < 0 || value > max) {
      throw new RangeError(`${name} is ${JSON.stringify(text)}; it must be a whole number from 0 to ${max}`);
    }
    return value;
  };
  const port = (name: string, fallback: number): number => number(name, fallback, 65_535);
  return {
    systemNamespace: env["SYSTEM_NAMESPACE"] ?? "knative-serving",
    podName: env["POD_NAME"] ?? "activator",
    podIp: env["POD_IP"] ?? "",
    ports: {
      public: port("HTTP_PORT", 8080),
      local: port("LOCAL_PORT", 8081),
      routed: port("ROUTED_PORT", 8082),
      internal: port("INTERNAL_PORT", 8090),
    },
    isRequestLogOn: env["REQUEST_LOG"] === "true",
    drain: {
      lingerMs: number("DRAIN_LINGER_SECONDS", 3, 600) * 1_000,
      drainMsMax: number("DRAIN_SECONDS", 590, 86_400) * 1_000,
    },
  };
}
