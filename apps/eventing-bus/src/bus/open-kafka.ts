import { readFileSync } from "node:fs";
import type { KafkaOptions } from "@kelvin/bus-kafka";
import { isHostAndPort } from "./host-and-port.ts";
import { DEAD_LETTER_BYTES_MAX, openDurable, type OpenBus } from "./opened-bus.ts";

const MECHANISMS = ["plain", "scram-sha-256", "scram-sha-512"] as const;
const REPLICAS_MAX = 32;

/** Kafka, as the environment says. @throws Error naming the variable that is wrong */
export function openKafka(env: NodeJS.ProcessEnv): OpenBus {
  const options = kafkaOptionsOf(env);
  return openDurable(env, {
    kind: "kafka",
    deadLetterBytesMax: DEAD_LETTER_BYTES_MAX.disk,
    async open() {
      const { openKafkaBus } = await import("@kelvin/bus-kafka");
      return openKafkaBus(options);
    },
  });
}

/** @throws Error naming the variable that is wrong */
export function kafkaOptionsOf(env: NodeJS.ProcessEnv): KafkaOptions {
  const credentials = credentialsOf(env);
  const { KAFKA_LOOPBACK_HOST: loopbackHost = "", KAFKA_TOPIC_PREFIX: topicPrefix = "" } = env;
  if (!/^[A-Za-z0-9._-]{0,40}$/.test(topicPrefix)) {
    throw new Error(
      `KAFKA_TOPIC_PREFIX must be at most 40 letters, digits, dots, dashes and underscores, was "${topicPrefix}"`,
    );
  }
  if (!/^[A-Za-z0-9.:_-]*$/.test(loopbackHost)) {
    throw new Error(`KAFKA_LOOPBACK_HOST must be the name or address of a machine, was "${loopbackHost}"`);
  }
  const replicas = replicasOf(env["KAFKA_REPLICATION_FACTOR"] ?? "");
  return {
    brokers: brokersOf(env),
    name: env["POD_NAME"] ?? "eventing-bus",
    tls: tlsOf(env),
    ...(credentials === undefined ? {} : { credentials }),
    ...(loopbackHost === "" ? {} : { loopbackHost }),
    ...(topicPrefix === "" ? {} : { topicPrefix }),
    ...(replicas === undefined ? {} : { replicas }),
  };
}

/** KAFKA_BROKERS is how the variable was spelled in the very first version. */
function brokersOf({
  KAFKA_BOOTSTRAP_SERVERS: servers = "",
  KAFKA_BROKERS: brokers = "",
}: NodeJS.ProcessEnv): string[] {
  const [variable, text] =
    servers === "" && brokers !== "" ? ["KAFKA_BROKERS", brokers] : ["KAFKA_BOOTSTRAP_SERVERS", servers];
  const list = text.split(",").map((broker) => broker.trim());
  if (list.every(isHostAndPort)) return list;
  throw new Error(`${variable} must be a list of host:port with commas, was "${text}"`);
}

function credentialsOf(env: NodeJS.ProcessEnv): KafkaOptions["credentials"] {
  const { KAFKA_USERNAME: username = "", KAFKA_PASSWORD: password = "", KAFKA_SASL_MECHANISM: asked = "" } = env;
  const mechanism = MECHANISMS.find((each) => each === (asked === "" ? "plain" : asked.toLowerCase()));
  if (mechanism === undefined) {
    const allowed = MECHANISMS.map((each) => each.toUpperCase()).join(", ");
    throw new Error(`KAFKA_SASL_MECHANISM must be one of ${allowed}, was "${asked}"`);
  }
  if (username !== "" && password !== "") return { mechanism, username, password };
  if (username !== "") throw new Error("KAFKA_USERNAME needs KAFKA_PASSWORD beside it");
  if (password !== "") throw new Error("KAFKA_PASSWORD needs KAFKA_USERNAME beside it");
  if (asked !== "") throw new Error("KAFKA_SASL_MECHANISM needs KAFKA_USERNAME and KAFKA_PASSWORD beside it");
  return undefined;
}

function tlsOf({ KAFKA_TLS: text = "", KAFKA_CA: file = "" }: NodeJS.ProcessEnv): boolean | { readonly ca: string } {
  if (text !== "" && text !== "true" && text !== "false") {
    throw new Error(`KAFKA_TLS must be true or false, was "${text}"`);
  }
  if (file === "") return text === "true";
  if (text === "false") throw new Error("KAFKA_CA is for TLS alone, but KAFKA_TLS is false");
  return { ca: readCertificates(file) };
}

function readCertificates(file: string): string {
  let ca = "";
  try {
    ca = readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`KAFKA_CA must be a file of PEM certificates: ${String(error)}`, { cause: error });
  }
  if (ca.includes("-----BEGIN CERTIFICATE-----")) return ca;
  throw new Error(`KAFKA_CA must be a file of PEM certificates; ${file} holds none`);
}

function replicasOf(text: string): number | undefined {
  if (text === "") return undefined;
  const replicas = Number(text);
  if (Number.isInteger(replicas) && replicas >= 1 && replicas <= REPLICAS_MAX) return replicas;
  throw new Error(`KAFKA_REPLICATION_FACTOR must be a whole number from 1 to ${REPLICAS_MAX}, was "${text}"`);
}
