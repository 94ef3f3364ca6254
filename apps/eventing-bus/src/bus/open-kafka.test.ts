import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { kafkaOptionsOf } from "./open-kafka.ts";

const BROKERS = { KAFKA_BOOTSTRAP_SERVERS: "a:9092, b.c:9093" };

test("the least: brokers", () => {
  expect(kafkaOptionsOf(BROKERS)).toEqual({ brokers: ["a:9092", "b.c:9093"], name: "eventing-bus", tls: false });
});

test("the first spelling of the variable is known, and the second is stronger", () => {
  expect(kafkaOptionsOf({ KAFKA_BROKERS: "old:9092" }).brokers).toEqual(["old:9092"]);
  expect(kafkaOptionsOf({ KAFKA_BROKERS: "old:9092", KAFKA_BOOTSTRAP_SERVERS: "new:9092" }).brokers).toEqual([
    "new:9092",
  ]);
});

test("all there is", () => {
  const dir = mkdtempSync(join(tmpdir(), "kelvin-kafka-env-"));
  const file = join(dir, "ca.pem");
  writeFileSync(file, "-----BEGIN CERTIFICATE-----\n");
  const env = {
    ...BROKERS,
    POD_NAME: "kafka-1",
    KAFKA_USERNAME: "ada",
    KAFKA_PASSWORD: "secret",
    KAFKA_SASL_MECHANISM: "SCRAM-SHA-512",
    KAFKA_TLS: "true",
    KAFKA_CA: file,
    KAFKA_LOOPBACK_HOST: "host.kelvin",
    KAFKA_TOPIC_PREFIX: "team-a.",
    KAFKA_REPLICATION_FACTOR: "3",
  };
  expect(kafkaOptionsOf(env)).toEqual({
    brokers: ["a:9092", "b.c:9093"],
    name: "kafka-1",
    credentials: { mechanism: "scram-sha-512", username: "ada", password: "secret" },
    tls: { ca: "-----BEGIN CERTIFICATE-----\n" },
    loopbackHost: "host.kelvin",
    topicPrefix: "team-a.",
    replicas: 3,
  });
  rmSync(dir, { recursive: true });
});

test.each<[Record<string, string>, string]>([
  [{ KAFKA_BOOTSTRAP_SERVERS: "" }, 'KAFKA_BOOTSTRAP_SERVERS must be a list of host:port with commas, was ""'],
  [{ KAFKA_BOOTSTRAP_SERVERS: "a:9092,b" }, "KAFKA_BOOTSTRAP_SERVERS"],
  [{ KAFKA_BOOTSTRAP_SERVERS: "a:65536" }, "KAFKA_BOOTSTRAP_SERVERS"],
  [{ KAFKA_BOOTSTRAP_SERVERS: "kafka://a:9092" }, "KAFKA_BOOTSTRAP_SERVERS"],
  [
    { KAFKA_BOOTSTRAP_SERVERS: "", KAFKA_BROKERS: "a" },
    'KAFKA_BROKERS must be a list of host:port with commas, was "a"',
  ],
  [{ KAFKA_USERNAME: "ada" }, "KAFKA_USERNAME needs KAFKA_PASSWORD"],
  [{ KAFKA_PASSWORD: "secret" }, "KAFKA_PASSWORD needs KAFKA_USERNAME"],
  [{ KAFKA_SASL_MECHANISM: "PLAIN" }, "KAFKA_SASL_MECHANISM needs KAFKA_USERNAME"],
  [
    { KAFKA_SASL_MECHANISM: "GSSAPI", KAFKA_USERNAME: "ada", KAFKA_PASSWORD: "secret" },
    'KAFKA_SASL_MECHANISM must be one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, was "GSSAPI"',
  ],
  [{ KAFKA_TLS: "yes" }, 'KAFKA_TLS must be true or false, was "yes"'],
  [{ KAFKA_TLS: "false", KAFKA_CA: "/x" }, "KAFKA_CA is for TLS alone"],
  [{ KAFKA_CA: "/does/not/exist" }, "KAFKA_CA must be a file of PEM certificates: Error: ENOENT"],
  [{ KAFKA_CA: "/dev/null" }, "holds none"],
  [{ KAFKA_LOOPBACK_HOST: "a b" }, 'KAFKA_LOOPBACK_HOST must be the name or address of a machine, was "a b"'],
  [{ KAFKA_TOPIC_PREFIX: "a/b" }, "KAFKA_TOPIC_PREFIX must be at most 40 letters"],
  [{ KAFKA_REPLICATION_FACTOR: "0" }, 'KAFKA_REPLICATION_FACTOR must be a whole number from 1 to 32, was "0"'],
])("%j is refused", (env, problem) => {
  const ask = () => kafkaOptionsOf({ ...BROKERS, ...env });
  expect(ask).toThrow(problem);
  expect(ask).toThrow(/^((?!secret).)*$/);
});
