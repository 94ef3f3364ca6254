import { describe, expect, test } from "@jest/globals";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { answersAsKafka } from "./broker-probes.ts";
import type { BusSettings, Environment } from "./bus.ts";
import { chooseKafka } from "./kafka.ts";

async function settingsOf(environment: Environment): Promise<readonly BusSettings[]> {
  const { settings } = await chooseKafka(environment).open({ dataDir: "/nonexistent", say: () => undefined });
  return settings;
}

describe("the brokers that the environment names", () => {
  test("brokers elsewhere are left as they are", async () => {
    expect(await settingsOf({ KAFKA_BOOTSTRAP_SERVERS: "a.invalid:9192,b.invalid" })).toEqual([
      {
        kind: "ConfigMap",
        name: "kafka-bus-config",
        values: { KAFKA_BOOTSTRAP_SERVERS: "a.invalid:9192,b.invalid:9092" },
      },
      { kind: "Secret", name: "kafka-bus-credentials", values: {} },
    ]);
    expect(chooseKafka({ KAFKA_BOOTSTRAP_SERVERS: "a.invalid" })).not.toHaveProperty("elsewhere");
  });

  test("one on this machine's loopback is reached by the machine's name, also where it says itself that it is there", async () => {
    const [config] = await settingsOf({ KAFKA_BOOTSTRAP_SERVERS: "localhost:1" });
    expect(config?.values).toEqual({
      KAFKA_BOOTSTRAP_SERVERS: "host.kelvin.internal:1",
      KAFKA_LOOPBACK_HOST: "host.kelvin.internal",
    });
  });

  test("who we are there goes into a Secret, how we know them into a file of it", async () => {
    const directory = mkdtempSync(join(tmpdir(), "kelvin-kafka-settings-"));
    const file = join(directory, "ca.crt");
    writeFileSync(file, "certificate");
    const [config, secret] = await settingsOf({
      KAFKA_BOOTSTRAP_SERVERS: "a.invalid:1",
      KAFKA_USERNAME: "me",
      KAFKA_PASSWORD: "p",
      KAFKA_SASL_MECHANISM: "SCRAM-SHA-512",
      KAFKA_CA: file,
    });
    expect(config?.values).toMatchObject({ KAFKA_SASL_MECHANISM: "SCRAM-SHA-512", KAFKA_CA: "/etc/kafka/ca.crt" });
    expect(secret?.values).toEqual({ username: "me", password: "p", "ca.crt": "certificate" });
    rmSync(directory, { recursive: true });
    expect(() => chooseKafka({ KAFKA_CA: file })).toThrow(/^KAFKA_CA: ENOENT/);
  });
});

describe("answersAsKafka", () => {
  const listen = async (answer: (question: Buffer) => Buffer): Promise<{ server: Server; port: number }> => {
    const server = createServer((socket) => socket.once("data", (question) => socket.write(answer(question))));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    return { server, port: typeof address === "object" && address !== null ? address.port : 0 };
  };

  test.each([
    [
      "who repeats the correlation id",
      (question: Buffer) => Buffer.concat([Buffer.alloc(4), question.subarray(8, 12)]),
      true,
    ],
    ["who says something else", () => Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"), false],
    ["who says next to nothing", () => Buffer.from("no"), false],
  ])("%s", async (_who, answer, want) => {
    const { server, port } = await listen(answer);
    expect(await answersAsKafka({ host: "127.0.0.1", port })).toBe(want);
    server.close();
  });

  test("nobody", async () => {
    expect(await answersAsKafka({ host: "127.0.0.1", port: 1 })).toBe(false);
  });
});
