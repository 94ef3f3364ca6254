import { afterEach, describe, expect, test } from "@jest/globals";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import type { Endpoint } from "./endpoints.ts";
import { forwardConnection } from "./forward.ts";

const servers: Server[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

async function listen(onConnection: (socket: Socket) => void): Promise<Endpoint> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    onConnection(socket);
  }).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  return { address: "127.0.0.1", port: (server.address() as AddressInfo).port };
}

async function connectThrough(...endpoints: Endpoint[]): Promise<Socket> {
  const front = await listen((client) => forwardConnection(client, () => endpoints));
  const client = connect({ host: front.address, port: front.port, allowHalfOpen: true });
  sockets.push(client);
  return client;
}

async function readAll(socket: Socket): Promise<string> {
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return text;
}

describe("forwardConnection", () => {
  test("a client may end its side first and still read the answer", async () => {
    const upstream = await listen((socket) => {
      readAll(socket).then(
        (text) => socket.end(text.toUpperCase()),
        () => undefined,
      );
    });
    const client = await connectThrough(upstream);
    client.end("hello");
    expect(await readAll(client)).toBe("HELLO");
  });

  test("another endpoint is tried when one refuses", async () => {
    const gone = await listen(() => undefined);
    servers.pop()?.close();
    const upstream = await listen((socket) => socket.end("here"));
    for (let attempt = 0; attempt < 4; attempt += 1) {
      expect(await readAll(await connectThrough(gone, upstream))).toBe("here");
    }
  });

  test("with nobody to talk to the client is reset", async () => {
    const client = await connectThrough();
    await expect(readAll(client)).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  test("a reset of the upstream reaches the client", async () => {
    const upstream = await listen((socket) => socket.once("data", () => socket.resetAndDestroy()));
    const client = await connectThrough(upstream);
    client.write("x");
    await expect(readAll(client)).rejects.toMatchObject({ code: "ECONNRESET" });
  });
});
