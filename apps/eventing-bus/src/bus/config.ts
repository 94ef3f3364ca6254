import { parsePort } from "@kelvin/http-service";
import type { BusKind } from "../model/bus-kind.ts";
import { busId, systemNamespaceDefault } from "../model/names.ts";
import { findBus } from "./open-bus.ts";
import type { OpenBus } from "./opened-bus.ts";

/** Which bus this process serves. */
export interface BusPlace {
  /** What it is known by: `name`, or `namespace/name`. */
  readonly id: string;
  readonly name: string;
  /** Of a Bus, which serves the Channels of its namespace; empty for a ClusterBus, which serves all and all other kinds. */
  readonly namespace: string;
}

/** Which bus this process serves, and where it listens, from the environment. */
export interface BusConfig {
  readonly systemNamespace: string;
  /** Names this process among the replicas of its bus. */
  readonly podName: string;
  readonly host: string;
  readonly httpPort: number;
  readonly internalPort: number;
  readonly bus: BusPlace;
  readonly kind: BusKind;
  readonly openBus: OpenBus;
  /** How much may wait in one stream for its consumers. */
  readonly streamBytesMax: number;
  /** After SIGTERM senders are answered for this long, until everybody knows that we are leaving. */
  readonly lingerMs: number;
}

const LINGER_MS = 2_000;

const STREAM_MIB_DEFAULT = 64;
const STREAM_MIB_MAX = 1024 * 1024;

/** Parses the environment. @throws Error naming the variable that is wrong and what is allowed. */
export function parseBusConfig(env: NodeJS.ProcessEnv): BusConfig {
  const { BUS_NAME: name = "", BUS_NAMESPACE: namespace = "", BUS_KIND: kind = "" } = env;
  if (name === "") throw new Error("BUS_NAME: name the bus that this process serves, such as stub");
  const found = findBus(kind === "" ? name : kind);
  return {
    systemNamespace: env["SYSTEM_NAMESPACE"] ?? systemNamespaceDefault,
    podName: env["POD_NAME"] ?? `eventing-bus-${process.pid}`,
    // Inside a Pod every address of the Pod is meant; elsewhere nobody but this machine.
    host: env["POD_IP"] === undefined ? "127.0.0.1" : "0.0.0.0",
    httpPort: parsePort(env, "HTTP_PORT", parsePort(env, "PORT", 8080)),
    internalPort: parsePort(env, "INTERNAL_PORT", 8090),
    bus: { id: busId(name, namespace), name, namespace },
    kind: found.kind,
    openBus: found.opener(env),
    streamBytesMax: parseMib(env["STREAM_MIB_MAX"] ?? "") * 1024 * 1024,
    lingerMs: LINGER_MS,
  };
}

function parseMib(text: string): number {
  if (text === "") return STREAM_MIB_DEFAULT;
  const mib = Number(text);
  if (Number.isInteger(mib) && mib >= 1 && mib <= STREAM_MIB_MAX) return mib;
  throw new Error(`STREAM_MIB_MAX must be a whole number from 1 to ${STREAM_MIB_MAX}, was "${text}"`);
}
