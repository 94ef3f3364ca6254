import { afterEach, describe, expect, test } from "@jest/globals";
import { EventEmitter, once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import type { ClusterMessage, HostProcess } from "../host-ports.ts";
import { openEgress } from "./open-egress.ts";
import { type Destination, openOutside, OutsideError } from "./outside.ts";

const servers: Server[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.on("connection", (socket) => sockets.push(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

function openClient(port: number): Socket {
  const client = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  sockets.push(client);
  return client;
}

const lookUp = (): Promise<readonly string[]> => Promise.resolve([]);

describe("openEgress", () => {
  test("a client gets what it dialled, both ways, and may end its side first", async () => {
    const echoPort = await listen(createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)));
    const listener = createServer();
    const port = await listen(listener);
    const dialled: Destination[] = [];
    const dial = async (destination: Destination): Promise<Socket> => {
      dialled.push(destination);
      const socket = openClient(echoPort);
      await once(socket, "connect");
      return socket;
    };
    openEgress({ listeners: [listener], outside: { dial, lookUp } });
    const client = openClient(port).end("x".repeat(1_000_000));
    let count = 0;
    for await (const chunk of client) count += (chunk as Buffer).length;
    expect(count).toBe(1_000_000);
    expect(dialled).toEqual([{ address: "127.0.0.1", port }]);
  });

  test("a client whose wish is refused is reset", async () => {
    const listener = createServer();
    const port = await listen(listener);
    const dial = (): Promise<Socket> => Promise.reject(new OutsideError("ECONNREFUSED"));
    openEgress({ listeners: [listener], outside: { dial, lookUp } });
    const [error] = (await once(openClient(port), "error").catch((reason: unknown) => [reason])) as [Error];
    expect(error).toMatchObject({ code: "ECONNRESET" });
  });
});

describe("openOutside", () => {
  const open = (): { host: EventEmitter; sent: ClusterMessage[]; outside: ReturnType<typeof openOutside> } => {
    const sent: ClusterMessage[] = [];
    const host = Object.assign(new EventEmitter(), {
      send: (message: ClusterMessage) => {
        sent.push(message);
        return true;
      },
    });
    return { host, sent, outside: openOutside(host as HostProcess) };
  };

  test("answers come to whoever asked, in any order", async () => {
    const { host, sent, outside } = open();
    const first = outside.lookUp("one.test");
    const second = outside.lookUp("two.test");
    expect(sent).toEqual([
      { type: "look-up", id: 1, name: "one.test" },
      { type: "look-up", id: 2, name: "two.test" },
    ]);
    host.emit("message", { type: "looked-up", id: 2, addresses: ["192.0.2.2"] });
    host.emit("message", { type: "looked-up", id: 1, addresses: [], code: "EAI_AGAIN" });
    expect(await second).toEqual(["192.0.2.2"]);
    await expect(first).rejects.toMatchObject({ code: "EAI_AGAIN" });
  });

  test("a connection that broke on its way here, or that the host refuses, is an error", async () => {
    const { host, outside } = open();
    const [lost, refused] = [1, 2].map((last) => outside.dial({ address: `192.0.2.${last}`, port: 80 }));
    host.emit("message", { type: "dialled", id: 1 }, undefined);
    host.emit("message", { type: "dialled", id: 2, code: "ETIMEDOUT" });
    await expect(lost).rejects.toMatchObject({ code: "ECONNRESET" });
    await expect(refused).rejects.toMatchObject({ code: "ETIMEDOUT" });
  });

  test("a host that never answers is not asked without end", async () => {
    const { sent, outside } = open();
    for (let count = 0; count < 1_000; count += 1) outside.lookUp(`${count}.test`).catch(() => undefined);
    await expect(outside.lookUp("more.test")).rejects.toMatchObject({ code: "EAGAIN" });
    expect(sent).toHaveLength(1_000);
  });
});
