import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createSocket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { once } from "node:events";
import { connect } from "node:net";
import { openDnsServer } from "./dns-server.ts";
import { type DnsAnswer, type DnsRecord, responseCodes, UDP_BYTES_MAX } from "./message.ts";
import type { Question } from "./resolve-name.ts";

const many: DnsRecord[] = Array.from({ length: 200 }, (_, index) => ({
  type: "A",
  name: "many.test",
  address: `10.44.0.${index + 1}`,
}));

const zone: Record<string, DnsRecord[]> = {
  "one.test/1": [{ type: "A", name: "one.test", address: "10.44.0.1" }],
  "one.test/28": [{ type: "AAAA", name: "one.test", address: "fd00::1:2" }],
  "alias.test/1": [
    { type: "CNAME", name: "alias.test", target: "one.test" },
    { type: "A", name: "one.test", address: "10.44.0.1" },
  ],
  "srv.test/33": [{ type: "SRV", name: "srv.test", target: "one.test", port: 80 }],
  "many.test/1": many,
};

function resolve({ name, type }: Question): DnsAnswer {
  const answers = zone[`${name}/${type}`];
  return answers === undefined ? { code: responseCodes.nameError, answers: [] } : { code: responseCodes.ok, answers };
}

let server: { port: number; close(): Promise<void> };
let resolver: Resolver;
const errors: unknown[] = [];
beforeEach(async () => {
  server = await openDnsServer({
    host: "127.0.0.1",
    port: 0,
    resolve,
    random: () => 0.5,
    reportError: (_message, error) => errors.push(error),
  });
  resolver = new Resolver({ timeout: 1_000, tries: 1 });
  resolver.setServers([`127.0.0.1:${server.port}`]);
});
afterEach(async () => {
  resolver.cancel();
  await server.close();
  expect(errors).toEqual([]);
});

describe("openDnsServer", () => {
  test("a real resolver understands every record, in any case of letters", async () => {
    expect(await resolver.resolve4("OnE.test")).toEqual(["10.44.0.1"]);
    expect(await resolver.resolve6("one.test")).toEqual(["fd00::1:2"]);
    expect(await resolver.resolve4("alias.test")).toEqual(["10.44.0.1"]);
    expect(await resolver.resolveSrv("srv.test")).toMatchObject([
      { name: "one.test", port: 80, priority: 0, weight: 100 },
    ]);
  });

  test("a name that is not there is denied", async () => {
    await expect(resolver.resolve4("none.test")).rejects.toMatchObject({ code: "ENOTFOUND" });
  });

  test("an answer that does not fit is fetched over TCP, and starts anywhere", async () => {
    const addresses = await resolver.resolve4("many.test");
    expect(addresses).toHaveLength(200);
    expect(addresses[0]).toBe("10.44.0.101");
  });
});

const query = (name: string, tail: Buffer = Buffer.alloc(0)): Buffer => {
  const labels = name.split(".").map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  const header = Buffer.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, tail.length === 0 ? 0 : 1]);
  return Buffer.concat([header, ...labels, Buffer.from([0, 0, 1, 0, 1]), tail]);
};
const opt = (bytesMax: number): Buffer => Buffer.from([0, 0, 41, bytesMax >> 8, bytesMax & 255, 0, 0, 0, 0, 0, 0]);
const withByte = (message: Buffer, at: number, value: number): Buffer => {
  const copy = Buffer.from(message);
  copy[at] = value;
  return copy;
};

/** What comes back over UDP; a good query sent after it proves that nothing did. */
async function send(message: Buffer): Promise<Buffer | undefined> {
  const socket = createSocket("udp4");
  socket.send(message, server.port, "127.0.0.1");
  socket.send(withByte(query("one.test"), 0, 0xff), server.port, "127.0.0.1");
  const [first] = (await once(socket, "message")) as [Buffer];
  socket.close();
  return first[0] === 0xff ? undefined : first;
}

const codeOf = (answer: Buffer | undefined): number | undefined =>
  answer === undefined ? undefined : (answer[3] ?? 0) & 15;

describe("what is no query", () => {
  test.each([
    ["less than a header", Buffer.from([1, 2, 3])],
    ["nothing", Buffer.alloc(0)],
    ["an answer", withByte(query("one.test"), 2, 0x81)],
  ])("%s is not answered", async (_what, message) => {
    expect(await send(message)).toBeUndefined();
  });

  test.each([
    ["no question", withByte(query("one.test"), 5, 0)],
    ["two questions", withByte(query("one.test"), 5, 2)],
    ["answers", withByte(query("one.test"), 7, 1)],
    ["a name that points at itself", Buffer.concat([query("x").subarray(0, 12), Buffer.from([0xc0, 12, 0, 1, 0, 1])])],
    ["a name without end", query("one.test").subarray(0, 18)],
    ["a question without type", query("one.test").subarray(0, 23)],
    ["a dot in a label", withByte(query("one.test"), 14, 46)],
    ["bytes after the end", Buffer.concat([query("one.test"), Buffer.from([1])])],
    ["an additional record that is not OPT", query("one.test", withByte(opt(900), 2, 1))],
    ["an OPT that is cut off", query("one.test", withByte(opt(900), 10, 9))],
    ["a name of 300 bytes", query(Array.from({ length: 30 }, () => "123456789").join("."))],
    ["two kilobytes", Buffer.concat([query("one.test"), Buffer.alloc(2_048)])],
  ])("%s is a format error", async (_what, message) => {
    expect(codeOf(await send(message))).toBe(responseCodes.formatError);
  });

  test("other operations and classes are turned down", async () => {
    expect(codeOf(await send(withByte(query("one.test"), 2, 0x28)))).toBe(responseCodes.notImplemented);
    expect(codeOf(await send(withByte(query("one.test"), 25, 3)))).toBe(responseCodes.refused);
  });

  test("an answer over UDP is never larger than the client and we can take", async () => {
    const plain = await send(query("many.test"));
    expect(plain?.readUInt16BE(2)).toBe(0x8780);
    expect(plain?.readUInt16BE(6)).toBe(0);
    const large = await send(query("many.test", opt(65_000)));
    expect(large?.length).toBeLessThanOrEqual(UDP_BYTES_MAX);
  });

  test("a connection that sends too much is cut", async () => {
    const socket = connect(server.port, "127.0.0.1");
    socket.write(Buffer.from([0xff, 0xff, 0]));
    await once(socket, "close");
  });
});
