import { UsageError } from "../../usage-error.ts";
import { hostName } from "../outside.ts";
import { type BusSettings, type ChosenBus, type Environment, type OpenBus, openedBus } from "./bus.ts";
import { isListening } from "./broker-probes.ts";
import { readNamedFile } from "./named-file.ts";
import { formatServer, hostServicesOf, isLoopback, parseServers, type Server, warnIfAway } from "./server-list.ts";

const emulatorPort = 8085;
const emulatorVariable = "PUBSUB_EMULATOR_HOST";
const projectVariable = "GOOGLE_CLOUD_PROJECT";
const keyVariable = "GOOGLE_APPLICATION_CREDENTIALS";
/** An emulator takes any. */
const emulatorProject = "kelvin";
/** Where deploy/base/bus-gcppubsub mounts the Secret. */
const keyFile = "/var/secrets/google/key.json";
const httpsPort = 443;

/**
 * GCP Pub/Sub: the emulator in PUBSUB_EMULATOR_HOST; or the service, as GOOGLE_CLOUD_PROJECT and
 * GOOGLE_APPLICATION_CREDENTIALS say; or an emulator of our own. @throws UsageError naming the variable.
 */
export function chooseGcpPubSub(environment: Environment): ChosenBus {
  const name = "gcppubsub";
  const address = environment[emulatorVariable]?.trim() ?? "";
  const project = environment[projectVariable] ?? "";
  if (address !== "") {
    const [server, ...others] = parseServers(emulatorVariable, address, emulatorPort);
    if (server === undefined || others.length > 0) throw new UsageError(`${emulatorVariable}: name one emulator`);
    const elsewhere = isLoopback(server.host) ? { elsewhere: example } : {};
    return { name, ...elsewhere, open: ({ say }) => openEmulator(server, project || emulatorProject, say) };
  }
  const key = readKey(environment);
  if (key !== undefined) return { name, open: () => Promise.resolve(openService(key)) };
  return {
    name,
    elsewhere: example,
    async open({ dataDir, say }) {
      const { openPubSubEmulator } = await import("./pubsub-emulator.ts");
      const emulator = await openPubSubEmulator(dataDir, say);
      return openedBus({
        settings: [emulatorConfig({ host: hostName, port: emulatorPort }, project || emulatorProject)],
        hostServices: new Map([[emulatorPort, { host: "127.0.0.1", port: emulator.port }]]),
        ports: [emulatorPort],
        ready: emulator.ready,
        close: () => emulator.close(),
      });
    },
  };
}

const example = `${emulatorVariable}=<address>:${emulatorPort}`;

async function openEmulator(server: Server, project: string, say: (text: string) => void): Promise<OpenBus> {
  await warnIfAway({ variable: emulatorVariable, servers: [server], isThere: isListening }, say);
  return openedBus({
    settings: [emulatorConfig(server, project)],
    hostServices: hostServicesOf([server]),
    ports: [server.port],
  });
}

function emulatorConfig(server: Server, project: string): BusSettings {
  return configOf({ [emulatorVariable]: formatServer(server), [projectVariable]: project });
}

function openService({ project, key }: ServiceKey): OpenBus {
  return openedBus({
    settings: [
      configOf({ [projectVariable]: project, [keyVariable]: keyFile }),
      { kind: "Secret", name: "gcppubsub-bus-key", values: { "key.json": key } },
    ],
    ports: [httpsPort],
  });
}

function configOf(values: Readonly<Record<string, string>>): BusSettings {
  return { kind: "ConfigMap", name: "gcppubsub-bus-config", values };
}

interface ServiceKey {
  readonly project: string;
  /** The content of the key file. */
  readonly key: string;
}

/** `undefined` when neither variable is there: a project alone, which many have in their shell, is no wish for the service. */
function readKey(environment: Environment): ServiceKey | undefined {
  const file = environment[keyVariable] ?? "";
  const project = environment[projectVariable] ?? "";
  if (file === "") return undefined;
  if (project === "") throw new UsageError(`${projectVariable}: name the project of ${keyVariable}`);
  const key = readNamedFile(keyVariable, file);
  if (!isJson(key)) throw new UsageError(`${keyVariable}: ${file} is no JSON`);
  return { project, key };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
