import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { UsageError } from "../usage-error.ts";
import type { ChosenBus } from "./buses/bus.ts";
import { parseBuses } from "./buses/buses.ts";

/** The options of `kelvin start`. */
export interface StartOptions {
  readonly dataDir: string;
  readonly isEphemeral: boolean;
  readonly apiPort: number;
  /** The public gateway; the cluster-local one is the port after it. */
  readonly httpPort: number;
  /** Absent: 5000 or, when that is taken, a free one. */
  readonly registryPort?: number;
  /** The first is the default of Brokers and Channels. The one in memory is there in any case. */
  readonly buses: readonly ChosenBus[];
  readonly imagesDir?: string;
  readonly network: NetworkChoice;
  /** How RBAC is applied: audit and allow refuse nothing. */
  readonly authorization: AuthorizationChoice;
  /** Whether Pods reach addresses outside of the cluster. */
  readonly egress: Switch;
  /** Which ports of the outside they reach, as "443,8000-8100"; the usual ones when absent. */
  readonly egressPorts?: string;
}

const authorizationChoices = ["enforce", "audit", "allow"] as const;
export type AuthorizationChoice = (typeof authorizationChoices)[number];
const switchPositions = ["on", "off"] as const;
export type Switch = (typeof switchPositions)[number];

/** `auto` means namespaces, and the loopback network where this machine refuses them. */
export type NetworkChoice = (typeof networkChoices)[number];
const networkChoices = ["auto", "namespaces", "loopback"] as const;

export const startUsage = `Usage: npm start -- [options]      (or: npx kelvin start [options])

Runs a local cluster and on it all of Kelvin, in the foreground, until Ctrl-C.

Options:
  --data-dir DIR        where everything is kept (default .kelvin)
  --ephemeral           keep no objects: every start is a new cluster
  --api-port PORT       Kubernetes API on 127.0.0.1 and ::1 (default 6443)
  --http-port PORT      public gateway; PORT + 1 is the cluster-local one (default 8080)
  --registry-port PORT  embedded image registry (default 5000, or a free one)
  --images-dir DIR      more directories to run as images dev.local/<name>
  --bus NAME,...        what keeps events; the first is the default of Brokers and Channels,
                        and stub, in memory, is there in any case (default stub):
                          nats       NATS_URL (NATS_USER, NATS_PASSWORD), or a server
                                     that is started here (needs nats-server)
                          kafka      KAFKA_BOOTSTRAP_SERVERS, or one on port 9092 here, or
                                     one that is started here (needs java, and its jars:
                                     node scripts/brokers.mjs fetch)
                          gcppubsub  GOOGLE_CLOUD_PROJECT, GOOGLE_APPLICATION_CREDENTIALS;
                                     or PUBSUB_EMULATOR_HOST, or an emulator that is
                                     started here (needs java, and gcloud's emulator)
                        What is started here keeps its events in the data directory; the
                        emulator keeps none.
  --network NAME        auto, namespaces, or loopback where namespaces are refused:
                        programs of node only, no volumes (default auto)
  --egress on|off       let Pods connect to addresses outside (TCP; default on)
  --egress-ports LIST   ... on these ports, as 22,443,8000-8100 (default: usual ones)
  --authorization MODE  enforce RBAC, audit it, or allow everything (default enforce)
  --help                this text
`;

const optionTypes = {
  "data-dir": { type: "string", default: ".kelvin" },
  ephemeral: { type: "boolean", default: false },
  "api-port": { type: "string", default: "6443" },
  "http-port": { type: "string", default: "8080" },
  "registry-port": { type: "string" },
  "images-dir": { type: "string" },
  bus: { type: "string", default: "stub" },
  network: { type: "string", default: "auto" },
  egress: { type: "string", default: "on" },
  "egress-ports": { type: "string" },
  authorization: { type: "string", default: "enforce" },
  help: { type: "boolean", default: false },
} as const;

/**
 * Parses the words after `start`; `undefined` means that help was asked for.
 * @throws UsageError for anything unknown, and for options that npm took for its own because `--` was left out.
 */
export function parseStartOptions(
  words: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): StartOptions | undefined {
  refuseSwallowed(words, environment);
  const values = parseWords(words);
  if (values.help) return undefined;
  const httpPort = parsePort("http-port", values["http-port"]);
  if (httpPort === 65535) throw new UsageError("--http-port 65535: the port after it must exist too");
  const apiPort = parsePort("api-port", values["api-port"]);
  if (apiPort === httpPort || apiPort === httpPort + 1) {
    throw new UsageError(
      `--api-port ${apiPort} is taken by the gateway (--http-port ${httpPort} and the port after it)`,
    );
  }
  const { "images-dir": imagesDir, "egress-ports": egressPorts } = values;
  const registryPort = parseRegistryPort(values["registry-port"], [apiPort, httpPort, httpPort + 1]);
  return {
    dataDir: values["data-dir"],
    isEphemeral: values.ephemeral,
    apiPort,
    httpPort,
    ...(registryPort !== undefined && { registryPort }),
    buses: parseBuses(values.bus, environment),
    network: parseChoice("network", values.network, networkChoices),
    egress: parseChoice("egress", values.egress, switchPositions),
    authorization: parseChoice("authorization", values.authorization, authorizationChoices),
    ...(egressPorts !== undefined && { egressPorts: checkPortList("egress-ports", egressPorts) }),
    ...(imagesDir !== undefined && { imagesDir }),
  };
}

/** Paths of options are meant from `directory`. */
export function resolvePaths(options: StartOptions, directory: string): StartOptions {
  const { dataDir, imagesDir } = options;
  return {
    ...options,
    dataDir: resolve(directory, dataDir),
    ...(imagesDir !== undefined && { imagesDir: resolve(directory, imagesDir) }),
  };
}

type Values = {
  "data-dir": string;
  ephemeral: boolean;
  "api-port": string;
  "http-port": string;
  "registry-port"?: string | undefined;
  "images-dir"?: string | undefined;
  bus: string;
  network: string;
  egress: string;
  "egress-ports"?: string | undefined;
  authorization: string;
  help: boolean;
};

function parseWords(words: readonly string[]): Values {
  try {
    return parseArgs({ args: [...words], options: optionTypes, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function parseChoice<T extends string>(option: string, text: string, choices: readonly T[]): T {
  const choice = choices.find((known) => known === text);
  if (choice === undefined) throw new UsageError(`--${option} "${text}" is not one of ${choices.join(", ")}`);
  return choice;
}

/** As many listening sockets as one process is well able to hold; each port outside needs one. */
const EGRESS_PORTS_MAX = 4_000;

function checkPortList(option: string, text: string): string {
  let count = 0;
  for (const part of text.split(",")) {
    const { from = "", to = from } = /^(?<from>\d+)(?:-(?<to>\d+))?$/.exec(part.trim())?.groups ?? {};
    const [first, last] = [parsePort(option, from === "" ? part : from), parsePort(option, to)];
    if (first > last) throw new UsageError(`--${option} "${part}": the range goes backwards`);
    count += last - first + 1;
  }
  if (count > EGRESS_PORTS_MAX) throw new UsageError(`--${option}: ${count} ports, but at most ${EGRESS_PORTS_MAX}`);
  return text;
}

function parseRegistryPort(text: string | undefined, others: readonly number[]): number | undefined {
  if (text === undefined) return undefined;
  const port = parsePort("registry-port", text);
  if (others.includes(port)) throw new UsageError(`--registry-port ${port} is taken by the gateway or the API`);
  return port;
}

function parsePort(option: string, text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port >= 1 && port <= 65535) return port;
  throw new UsageError(`--${option} "${text}" is not a port between 1 and 65535`);
}

/** `npm start --http-port=9` gives the option to npm, which says nothing and puts it into the environment. */
function refuseSwallowed(words: readonly string[], environment: Readonly<Record<string, string | undefined>>): void {
  const swallowed = Object.keys(optionTypes).flatMap((option) => {
    const value = environment[`npm_config_${option.replaceAll("-", "_")}`];
    if (value === undefined || value === "" || option === "help") return [];
    return [value === "true" ? `--${option}` : `--${option}=${value}`];
  });
  if (swallowed.length === 0) return;
  const right = ["npm start --", ...swallowed, ...words].join(" ");
  throw new UsageError(`npm took ${swallowed.join(" and ")} for itself. Put -- before the options:\n  ${right}`);
}
