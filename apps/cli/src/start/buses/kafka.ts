import { hostName } from "../outside.ts";
import { type BusSettings, type ChosenBus, type Environment, type OpenBus, openedBus } from "./bus.ts";
import { answersAsKafka } from "./broker-probes.ts";
import { readNamedFile } from "./named-file.ts";
import { formatServer, hostServicesOf, isLoopback, parseServers, type Server, warnIfAway } from "./server-list.ts";

const kafkaPort = 9092;
const variable = "KAFKA_BOOTSTRAP_SERVERS";
/** Where `node scripts/brokers.mjs start kafka`, and Kafka as it comes, listen. */
const usualServer: Server = { host: "127.0.0.1", port: kafkaPort };
/** What of the environment goes to the bus as it is. */
const passedOn = ["KAFKA_TLS", "KAFKA_SASL_MECHANISM", "KAFKA_TOPIC_PREFIX", "KAFKA_REPLICATION_FACTOR"];
/** Where deploy/base/bus-kafka mounts the Secret. */
const certificateFile = "/etc/kafka/ca.crt";

/** Kafka: the brokers in KAFKA_BOOTSTRAP_SERVERS, or one that runs on this machine, or one of our own. @throws UsageError */
export function chooseKafka(environment: Environment): ChosenBus {
  const text = environment[variable] ?? "";
  const named = text.trim() === "" ? undefined : parseServers(variable, text, kafkaPort);
  const isHere = named === undefined || named.some(({ host }) => isLoopback(host));
  const access = readAccess(environment);
  return {
    name: "kafka",
    ...(isHere && { elsewhere: `${variable}=<address>:${kafkaPort}` }),
    async open({ dataDir, say }) {
      if (named !== undefined) {
        if (!usesTls(environment)) await warnIfAway({ variable, servers: named, isThere: answersAsKafka }, say);
        return openNamed(named, access);
      }
      if (await answersAsKafka(usualServer)) {
        say(`Using the Kafka that answers on port ${kafkaPort} of this machine (${variable} names another)`);
        return openNamed([usualServer], access);
      }
      const { openKafkaServer } = await import("./kafka-server.ts");
      const server = await openKafkaServer(dataDir, { advertised: `${hostName}:${kafkaPort}`, say });
      return openedBus({
        settings: [configOf({ [variable]: `${hostName}:${kafkaPort}` }), secretOf({})],
        hostServices: new Map([[kafkaPort, { host: "127.0.0.1", port: server.port }]]),
        ports: [kafkaPort],
        ready: server.ready,
        close: () => server.close(),
      });
    },
  };
}

/** Brokers say themselves where they are: one that says "localhost" is reached by the name that this machine has in Pods. */
function openNamed(servers: readonly Server[], { config, secret }: Access): OpenBus {
  const hostServices = hostServicesOf(servers);
  const loopback = hostServices.size > 0 ? { KAFKA_LOOPBACK_HOST: hostName } : {};
  return openedBus({
    settings: [configOf({ ...config, ...loopback, [variable]: servers.map(formatServer).join(",") }), secret],
    hostServices,
    ports: [...new Set(servers.map(({ port }) => port))],
  });
}

function configOf(values: Readonly<Record<string, string>>): BusSettings {
  return { kind: "ConfigMap", name: "kafka-bus-config", values };
}

/** Who we are at the user's brokers, and how we know them. */
interface Access {
  readonly config: Readonly<Record<string, string>>;
  readonly secret: BusSettings;
}

/** Also where it is empty: those of a former start are not for these brokers. */
function secretOf(values: Readonly<Record<string, string>>): BusSettings {
  return { kind: "Secret", name: "kafka-bus-credentials", values };
}

function readAccess(environment: Environment): Access {
  const given = (name: string): string | undefined => environment[name] || undefined;
  const config = passedOn.flatMap((name) => {
    const value = given(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  const [username, password, file] = [given("KAFKA_USERNAME"), given("KAFKA_PASSWORD"), given("KAFKA_CA")];
  const values = {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(file !== undefined && { "ca.crt": readNamedFile("KAFKA_CA", file) }),
  };
  if (file !== undefined) config.push(["KAFKA_CA", certificateFile]);
  return { config: Object.fromEntries(config), secret: secretOf(values) };
}

function usesTls(environment: Environment): boolean {
  return environment["KAFKA_TLS"] === "true" || (environment["KAFKA_CA"] ?? "") !== "";
}
