import { parsePort } from "@kelvin/http-service";

/** Where this process listens and what it serves, from the environment. */
export interface BusConfig {
  /** Names this process among all that ever ran: its attempts are told apart by it. */
  readonly podName: string;
  readonly host: string;
  readonly httpPort: number;
  readonly internalPort: number;
  /** A file of streams and consumers: see `streams-file.ts`. */
  readonly streamsFile: string;
}

/** Parses the environment. @throws Error naming the variable that is wrong and what is allowed. */
export function parseBusConfig(env: NodeJS.ProcessEnv): BusConfig {
  const streamsFile = env["STREAMS_FILE"] ?? "";
  if (streamsFile === "") throw new Error("STREAMS_FILE: name a file of streams and consumers (see the README)");
  return {
    podName: env["POD_NAME"] ?? `eventing-bus-${process.pid}`,
    // Inside a Pod every address of the Pod is meant; elsewhere nobody but this machine.
    host: env["POD_IP"] === undefined ? "127.0.0.1" : "0.0.0.0",
    httpPort: parsePort(env, "HTTP_PORT", 8080),
    internalPort: parsePort(env, "INTERNAL_PORT", 8090),
    streamsFile,
  };
}
