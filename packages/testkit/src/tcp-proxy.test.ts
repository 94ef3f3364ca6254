import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { openTcpProxy, type TcpProxy } from "./tcp-proxy.ts";

let echo: Server;
let proxy: TcpProxy;
const sockets: Socket[] = [];
beforeEach(async () => {
  echo = createServer((socket) => void socket.on("error", () => undefined).pipe(socket));
  echo.listen(0, "127.0.0.1");
  await once(echo, "listening");
  proxy = await openTcpProxy((echo.address() as AddressInfo).port);
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await proxy.close();
  await new Promise((resolve) => echo.close(resolve));
});

function open(): Socket {
  const socket = connect(proxy.port, "127.0.0.1");
  socket.on("error", () => undefined);
  sockets.push(socket);
  return socket;
}

/** Resolves however it ends. */
async function closing(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => void socket.once("close", () => resolve()));
}

async function echoed(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  const [piece] = (await once(socket, "data")) as [Buffer];
  return piece.toString();
}

test("passes on what comes, both ways", async () => {
  const socket = open();
  expect(await echoed(socket, "one")).toBe("one");
  expect(await echoed(socket, "two")).toBe("two");
  expect(proxy.connections).toBe(1);
});

test("refuses new connections, and leaves open ones alone", async () => {
  const before = open();
  await echoed(before, "one");
  proxy.setMode("refuse");
  await closing(open());
  expect(proxy.struck).toBe(1);
  expect(await echoed(before, "two")).toBe("two");
});

test("resets open connections", async () => {
  const socket = open();
  await echoed(socket, "one");
  const closed = closing(socket);
  proxy.setMode("reset");
  await closed;
  expect(proxy.struck).toBe(1);
});

test("hangs: nothing moves and nothing is lost until it passes again", async () => {
  const socket = open();
  await echoed(socket, "one");
  proxy.setMode("hang");
  let got = "";
  socket.on("data", (piece: Buffer) => (got += piece.toString()));
  socket.write("two");
  while (proxy.struck === 0) await new Promise((resolve) => setImmediate(resolve));
  expect(got).toBe("");
  const came = once(socket, "data");
  proxy.setMode("pass");
  await came;
  expect(got).toBe("two");
});

test("slows: what comes, comes late", async () => {
  const socket = open();
  await echoed(socket, "one");
  proxy.setMode("slow", { delayMs: 30 });
  const startMs = performance.now();
  expect(await echoed(socket, "two")).toBe("two");
  // There and back. A timer may fire a little early.
  expect(performance.now() - startMs).toBeGreaterThan(50);
});
