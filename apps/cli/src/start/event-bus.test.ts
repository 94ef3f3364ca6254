import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEventBus, requireWayOut } from "./event-bus.ts";
import { openNatsServer, type NatsServer } from "./nats-server.ts";
import { parseStartOptions, type StartOptions } from "./options.ts";

const parse = (words: readonly string[], environment = {}): StartOptions => {
  const options = parseStartOptions(words, environment);
  if (options === undefined) throw new Error("no options");
  return options;
};
const progress = { say: () => undefined };

describe("openEventBus", () => {
  test("the bus in memory needs nothing", async () => {
    const bus = await openEventBus(parse([]), progress);
    expect(bus).toMatchObject({ overlay: "overlays/local", ports: [] });
    expect(bus.nats).toBeUndefined();
  });

  test("a server that the environment names is used, and its port is opened", async () => {
    const said: string[] = [];
    const options = parse(["--bus", "nats"], { NATS_URL: "nats://a.invalid:4333,localhost:1" });
    const bus = await openEventBus(options, { say: (text) => void said.push(text) });
    expect(bus).toMatchObject({
      overlay: "overlays/local-nats",
      nats: { urls: ["nats://a.invalid:4333", "nats://host.kelvin.internal:4222"] },
      ports: [4333, 4222],
    });
    expect(bus.hostServices.get(4222)).toEqual({ host: "localhost", port: 1 });
    expect(said.join()).toContain("No NATS server answers at a.invalid:4333, localhost:1 (NATS_URL)");
  });
});

describe("requireWayOut", () => {
  test.each([
    [["--egress", "off"], {}, undefined],
    [["--bus", "nats"], {}, undefined],
    [["--bus", "nats", "--egress", "off"], {}, "which --egress off closes"],
    [["--bus", "nats", "--network", "loopback"], {}, "do not reach a server on this machine's loopback"],
    [["--bus", "nats", "--network", "loopback"], { NATS_URL: "127.0.0.1" }, "do not reach a server"],
    [["--bus", "nats", "--network", "loopback"], { NATS_URL: "a.example" }, undefined],
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
    const said: string[] = [];
    const named = parse(["--bus", "nats"], { NATS_URL: `127.0.0.1:${first.port}` });
    await openEventBus(named, { say: (text) => void said.push(text) });
    expect(said).toEqual([]);
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
