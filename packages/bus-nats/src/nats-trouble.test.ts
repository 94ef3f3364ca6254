import { describe, expect, test } from "@jest/globals";
import { BusRefusedError, BusUnavailableError } from "@kelvin/bus";
import { findNatsProblem, openNatsServer, type NatsServer } from "@kelvin/testkit/nats-server";
import { openTcpProxy } from "@kelvin/testkit/tcp-proxy";
import { openNatsBus } from "./nats-bus.ts";

const problem = findNatsProblem();
const withServer = problem === undefined ? describe : describe.skip;

withServer(`what is wrong is said (${problem ?? "found"})`, () => {
  const connect = (server: NatsServer, password?: string) =>
    openNatsBus({
      servers: [server.url],
      name: "t",
      ...(password === undefined ? {} : { credentials: { user: "ada", password } }),
    });

  test("nobody there", async () => {
    const refused = openNatsBus({ servers: ["nats://127.0.0.1:1"], name: "t" });
    await expect(refused).rejects.toThrow(new BusUnavailableError("nats://127.0.0.1:1: CONNECTION_REFUSED"));
  });

  test("wrong credentials, from the start or later", async () => {
    const server = await openNatsServer({ credentials: { user: "ada", password: "secret" } });
    await expect(connect(server, "wrong")).rejects.toThrow(BusRefusedError);
    await expect(connect(server)).rejects.toThrow(/refused: 'Authorization Violation'/);
    const bus = await connect(server, "secret");
    await server.kill();
    server.setCredentials({ user: "ada", password: "changed" });
    await server.start();
    await until(() => bus.trouble?.reason.includes("AUTHORIZATION_VIOLATION") === true);
    await server.kill();
    server.setCredentials({ user: "ada", password: "secret" });
    await server.start();
    await until(() => bus.trouble === undefined);
    await bus.close();
    await server.close();
  }, 60_000);

  test("a server without JetStream", async () => {
    const server = await openNatsServer({ hasJetStream: false });
    await expect(connect(server)).rejects.toThrow("nobody answers for JetStream; is it on at the server?");
    await server.close();
  });

  test("a server without room for a log", async () => {
    const server = await openNatsServer({ storedBytesMax: 1_000_000 });
    const bus = await connect(server);
    const spec = { id: "large", partitions: 1, unfinishedBytesMax: 2_000_000 };
    await expect(bus.openLog(spec)).rejects.toThrow("the server's storage is full or promised to others");
    await bus.close();
    await server.close();
  });

  test("the limit of a record is the server's, and may not be too low for any", async () => {
    const server = await openNatsServer({ maxPayloadBytes: 100_000 });
    const bus = await connect(server);
    expect(bus.recordBytesMax).toBe(100_000 - 4_096);
    await bus.close();
    await server.close();
    const low = await openNatsServer({ maxPayloadBytes: 10_000 });
    await expect(connect(low)).rejects.toThrow(/max_payload is 10000 bytes.*set 65536 or more/);
    await low.close();
  });

  test("a server that takes requests and answers none", async () => {
    const server = await openNatsServer();
    const proxy = await openTcpProxy(server.port);
    const bus = await openNatsBus({ servers: [`nats://127.0.0.1:${proxy.port}`], name: "t" });
    const log = await bus.openLog({ id: "silent", partitions: 1, unfinishedBytesMax: 1_000_000 });
    proxy.setMode("hang");
    const record = { headers: [], body: Buffer.from("1") };
    await expect(log.append(record)).rejects.toThrow("the server does not answer: its disk may be full");
    expect(bus.trouble?.reason).toMatch(/does not answer/);
    proxy.setMode("pass");
    await log.append(record);
    expect(bus.trouble).toBeUndefined();
    await bus.close();
    await proxy.close();
    await server.close();
  }, 30_000);
});

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400 && !isSo(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(isSo()).toBe(true);
}
