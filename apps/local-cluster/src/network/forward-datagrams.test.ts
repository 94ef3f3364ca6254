import { afterEach, expect, test } from "@jest/globals";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import type { Endpoint } from "./endpoints.ts";
import { openDatagramForwarder } from "./forward-datagrams.ts";

const closing: { close(): unknown }[] = [];
afterEach(() => {
  for (const each of closing.splice(0)) each.close();
});

async function openSocket(): Promise<Socket> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  closing.push(socket);
  await once(socket, "listening");
  return socket;
}

/** Says its name before what it is told. */
async function openEcho(name: string): Promise<Endpoint> {
  const socket = await openSocket();
  socket.on("message", (message, peer) => socket.send(`${name} ${message.toString()}`, peer.port, peer.address));
  return { address: "127.0.0.1", port: socket.address().port };
}

async function ask(client: Socket, port: number, text: string): Promise<string> {
  const answered = once(client, "message");
  client.send(text, port, "127.0.0.1");
  const [answer] = (await answered) as [Buffer];
  return answer.toString();
}

test("each client keeps its endpoint, and gets its own answers", async () => {
  const endpoints = [await openEcho("a"), await openEcho("b")];
  const port = await freePort();
  let turn = 0;
  const listEndpoints = (): Endpoint[] => {
    turn += 1;
    return turn % 2 === 1 ? endpoints : endpoints.toReversed();
  };
  const errors: Error[] = [];
  closing.push(
    openDatagramForwarder({ host: "127.0.0.1", port, listEndpoints, onError: (error) => errors.push(error) }),
  );
  const [one, two] = [await openSocket(), await openSocket()];
  expect(await ask(one, port, "1")).toBe("a 1");
  expect(await ask(two, port, "2")).toBe("b 2");
  expect(await ask(one, port, "3")).toBe("a 3");
  expect(turn).toBe(2);
  expect(errors).toEqual([]);
});

test("without endpoints nothing happens; with one, the next datagram arrives", async () => {
  const port = await freePort();
  let endpoints: Endpoint[] = [];
  const listed = Promise.withResolvers<void>();
  const listEndpoints = (): Endpoint[] => {
    listed.resolve();
    return endpoints;
  };
  closing.push(openDatagramForwarder({ host: "127.0.0.1", port, listEndpoints, onError: () => undefined }));
  const client = await openSocket();
  client.send("lost", port, "127.0.0.1");
  await listed.promise;
  endpoints = [await openEcho("late")];
  expect(await ask(client, port, "x")).toBe("late x");
});

async function freePort(): Promise<number> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  await once(socket, "close");
  return port;
}
