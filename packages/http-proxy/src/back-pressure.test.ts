import { afterEach, describe, expect, test } from "@jest/globals";
import type { Exchange } from "./exchange.ts";
import { openRawContainer, openRig, type RawSocket } from "./raw-sockets.fixture.ts";

const rig = openRig();
const { containerOf, proxyOf, clientOf } = rig;
afterEach(() => rig.close());

const mebibyte = 1024 * 1024;
const block = Buffer.alloc(256 * 1024, "x");

/** Writes as fast as the other side takes it, until `total` bytes or a stand-still; tells how far it has come. */
function pour(raw: RawSocket, total: number): { sent: () => number } {
  let written = 0;
  const more = (): void => {
    while (written < total) {
      written += block.length;
      if (!raw.socket.write(block)) return;
    }
  };
  raw.socket.on("drain", more);
  more();
  return { sent: () => written - raw.socket.writableLength };
}

/** Resolves when a number has not changed over some turns of the loop with time for the kernel in between. */
async function standstill(read: () => number): Promise<number> {
  let last = -1;
  for (let same = 0; same < 5;) {
    const now = read();
    same = now === last ? same + 1 : 0;
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return last;
}

describe("memory is bounded", () => {
  test("when 64 MiB go to a reader that does not read, and all arrive when it does", async () => {
    const total = 616 * mebibyte;
    const container = await containerOf(openRawContainer());
    const { port } = await proxyOf((exchange) => exchange.forward({ address: container.address }));
    const client = await clientOf(port);
    let received = 0;
    client.socket.removeAllListeners("data");
    client.socket.pause();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const connection = await container.connection(0);
    await connection.untilReceived("\r\n\r\n");
    const before = process.memoryUsage().arrayBuffers;
    connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
    const { sent } = pour(connection, total);
    // What the kernel's buffers on both sides take is not ours; the rest stays with the container.
    expect(await standstill(sent)).toBeLessThan(total / 2);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * mebibyte);
    const whole = Promise.withResolvers<void>();
    client.socket.on("data", (bytes: Buffer) => {
      received += bytes.length;
      if (received > total) whole.resolve();
    });
    client.socket.resume();
    await whole.promise;
    expect(received).toBe(total + `HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`.length);
  }, 30_000);

  test("when 64 MiB go to a container that does not read, and all arrive when it does", async () => {
    const total = 616 * mebibyte;
    let received = 0;
    const container = await containerOf(openRawContainer((raw) => raw.socket.removeAllListeners("data").pause()));
    const { port } = await proxyOf((exchange) => exchange.forward({ address: container.address }));
    const client = await clientOf(port);
    const before = process.memoryUsage().arrayBuffers;
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${total}\r\n\r\n`);
    const { sent } = pour(client, total);
    expect(await standstill(sent)).toBeLessThan(total / 2);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * mebibyte);
    const connection = await container.connection(0);
    const whole = Promise.withResolvers<void>();
    connection.socket.on("data", (bytes: Buffer) => {
      received += bytes.length;
      if (received > total) whole.resolve();
    });
    connection.socket.resume();
    await whole.promise;
  }, 30_000);

  test("when a body comes while nobody has said where it goes", async () => {
    const held = Promise.withResolvers<Exchange>();
    const { port } = await proxyOf((exchange) => held.resolve(exchange), { heldBytesMax: 64 * 1024 });
    const client = await clientOf(port);
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${616 * mebibyte}\r\n\r\n`);
    const { sent } = pour(client, 616 * mebibyte);
    expect(await standstill(sent)).toBeLessThan(32 * mebibyte);
    expect((await held.promise).heldBytes).toBeLessThan(mebibyte);
  });

  test("when a client pipelines without end and reads nothing", async () => {
    let count = 0;
    const answer = "y".repeat(10_000);
    const { port } = await proxyOf((exchange) => {
      count++;
      exchange.respond(200, answer);
    });
    const client = await clientOf(port);
    client.socket.pause();
    const requests = Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(10_000));
    for (let k = 0; k < 10; k++) client.socket.write(requests);
    const answered = await standstill(() => count);
    expect(answered).toBeLessThan(20_000);
    // And goes on where it stopped.
    client.socket.resume();
    await client.until(() => count > answered);
  });
});

test("a tunnel holds back whoever sends faster than the other side reads", async () => {
  const container = await containerOf(openRawContainer());
  const { port } = await proxyOf((exchange) => exchange.forward({ address: container.address }));
  const client = await clientOf(port);
  client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
  const connection = await container.connection(0);
  await connection.untilReceived("\r\n\r\n");
  connection.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
  await client.untilReceived("\r\n\r\n");
  client.socket.pause();
  const toClient = pour(connection, 616 * mebibyte);
  expect(await standstill(toClient.sent)).toBeLessThan(32 * mebibyte);
  connection.socket.pause();
  const toContainer = pour(client, 616 * mebibyte);
  expect(await standstill(toContainer.sent)).toBeLessThan(32 * mebibyte);
});
