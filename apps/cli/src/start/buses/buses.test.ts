import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseStartOptions, type StartOptions } from "../options.ts";
import type { Environment } from "./bus.ts";
import { openBuses, type OpenBuses, parseBuses, requireWayOut } from "./buses.ts";
import { openNatsServer, type NatsServer } from "./nats-server.ts";

const parse = (words: readonly string[], environment = {}): StartOptions => {
  const options = parseStartOptions(words, environment);
  if (options === undefined) throw new Error("no options");
  return options;
};

/** What is opened, and what is said meanwhile. */
async function open(text: string, environment: Environment): Promise<OpenBuses & { said: string }> {
  const said: string[] = [];
  const place = { dataDir: "/nonexistent", say: (words: string) => void said.push(words) };
  return { ...(await openBuses(parseBuses(text, environment), place)), said: said.join("\n") };
}

describe("openBuses", () => {
  test("the bus in memory needs nothing", async () => {
    const buses = await open("stub", {});
    expect(buses).toMatchObject({ names: ["stub"], ports: [] });
    expect(buses.settings.get("stub")).toEqual([]);
  });

  test("brokers that the environment names are used, and their ports are opened", async () => {
    const buses = await open("kafka,nats,gcppubsub", {
      NATS_URL: "nats://a.invalid:4333,localhost:1",
      KAFKA_BOOTSTRAP_SERVERS: "k.invalid:9192, localhost:3",
      PUBSUB_EMULATOR_HOST: "127.0.0.1:2",
    });
    expect(buses.ports.toSorted((one, other) => one - other)).toEqual([2, 3, 4222, 4333, 9192]);
    expect(Object.fromEntries(buses.hostServices)).toEqual({
      4222: { host: "localhost", port: 1 },
      2: { host: "127.0.0.1", port: 2 },
      3: { host: "localhost", port: 3 },
    });
    expect(buses.settings.get("nats")).toEqual([
      {
        kind: "Secret",
        name: "nats-clusterbus",
        values: { url: "nats://a.invalid:4333,nats://host.kelvin.internal:4222" },
      },
    ]);
    for (const words of [
      "a.invalid:4333, localhost:1 (NATS_URL)",
      "k.invalid:9192, localhost:3 (KAFKA_BOOTSTRAP_SERVERS)",
      "127.0.0.1:2 (PUBSUB_EMULATOR_HOST)",
    ]) {
      expect(buses.said).toContain(`Nothing answers at ${words}`);
    }
  });

  test("two brokers behind one port are refused, and what was opened is closed", async () => {
    const environment = { NATS_URL: "localhost:1", KAFKA_BOOTSTRAP_SERVERS: "localhost:4222" };
    await expect(open("nats,kafka", environment)).rejects.toThrow("are to be reached by port 4222");
  });
});

describe("requireWayOut", () => {
  test.each([
    [["--egress", "off"], {}, undefined],
    [["--bus", "nats"], {}, undefined],
    [["--bus", "nats", "--egress", "off"], {}, "which --egress off closes"],
    [["--bus", "nats", "--network", "loopback"], {}, "do not reach a broker on this machine's loopback"],
    [["--bus", "nats", "--network", "loopback"], { NATS_URL: "127.0.0.1" }, "do not reach a broker"],
    [["--bus", "nats", "--network", "loopback"], { NATS_URL: "a.example" }, undefined],
    [["--bus", "stub,kafka", "--network", "loopback"], {}, "name that: KAFKA_BOOTSTRAP_SERVERS=<address>:9092"],
    [["--bus", "kafka", "--network", "loopback"], { KAFKA_BOOTSTRAP_SERVERS: "a.example" }, undefined],
    [["--bus", "gcppubsub", "--network", "loopback"], { PUBSUB_EMULATOR_HOST: "[::1]" }, "do not reach a broker"],
  ])("%j %j", (words, environment, message) => {
    const check = (): void => requireWayOut(parse(words, environment));
    if (message === undefined) expect(check).not.toThrow();
    else expect(check).toThrow(message);
  });
});

const hasServer = spawnSync("nats-server", ["--version"]).status === 0;
const reason = hasServer ? "" : " [NOT RUN: needs nats-server on PATH]";
(hasServer ? describe : describe.skip)(`a nats-server of our own${reason}`, () => {
  let dataDir = "";
  let server: NatsServer | undefined;
  beforeAll(() => {
    dataDir = mkdtempSync(join(tmpdir(), "kelvin-nats-server-"));
  });
  afterAll(async () => {
    await server?.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  /** The first line that it says to whoever connects. */
  const greeting = (port: number): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("error", reject).once("data", (chunk: Buffer) => {
        socket.destroy();
        resolve(chunk.toString());
      });
    });

  test("asks for credentials, has JetStream, keeps both over a restart, and is gone after close", async () => {
    const first = await openNatsServer(dataDir, () => undefined);
    server = first;
    expect((await open("nats", { NATS_URL: `127.0.0.1:${first.port}` })).said).toBe("");
    expect(await greeting(first.port)).toMatch(
      /"jetstream":true.*"auth_required":true|"auth_required":true.*"jetstream":true/,
    );
    await first.close();
    await expect(greeting(first.port)).rejects.toThrow("ECONNREFUSED");
    const second = await openNatsServer(dataDir, () => undefined);
    server = second;
    expect(second.password).toBe(first.password);
    expect(second.password).toHaveLength(48);
    expect(readdirSync(join(dataDir, "nats")).toSorted()).toEqual(["jetstream", "nats.conf", "password"]);
  });
});
