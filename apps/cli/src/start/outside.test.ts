import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, Socket } from "node:net";
import { isOutside, openOutside, type OutsideAnswer } from "./outside.ts";

test.each([
  ["93.184.216.34", true],
  ["192.168.1.1", true],
  ["10.43.0.1", true],
  ["10.44.0.1", false],
  ["10.96.0.1", false],
  ["127.0.0.1", false],
  ["127.9.9.9", false],
  ["0.0.0.0", false],
  ["169.254.169.254", false],
  ["224.0.0.1", false],
  ["255.255.255.255", false],
  ["::1", false],
  ["::ffff:127.0.0.1", false],
  ["localhost", false],
])("whether %s is outside: %s", (address, wanted) => {
  expect(isOutside(address)).toBe(wanted);
});

describe("openOutside", () => {
  let server: Server;
  let port = 0;
  let answers: { answer: OutsideAnswer; socket?: Socket }[] = [];
  beforeEach(async () => {
    answers = [];
    server = createServer((socket) => socket.on("error", () => undefined).end("first word")).listen(0, "127.0.0.1");
    await once(server, "listening");
    port = (server.address() as AddressInfo).port;
  });
  afterEach(() => {
    for (const { socket } of answers) socket?.destroy();
    server.close();
  });

  const send = (answer: OutsideAnswer, socket?: Socket): Promise<void> => {
    answers.push({ answer, ...(socket !== undefined && { socket }) });
    return Promise.resolve();
  };
  const dialled: string[] = [];
  const lookUp = (name: string): Promise<readonly string[]> => {
    if (name === "mixed.test") return Promise.resolve(["127.0.1.1", "192.0.2.1"]);
    return Promise.reject(Object.assign(new Error(name), { code: name === "slow.test" ? "EAI_AGAIN" : "ENOTFOUND" }));
  };
  /** Dials this machine whatever is wanted. */
  const connect = ({ host, port: wanted }: { host: string; port: number }): Socket => {
    dialled.push(host);
    const socket = new Socket();
    socket.pause();
    return socket.connect({ host: "127.0.0.1", port: wanted });
  };

  test("hands over a connection of which nothing has been read", async () => {
    await openOutside(send, { connect, lookUp, hostServices: new Map() })({
      type: "dial",
      id: 7,
      address: "192.0.2.1",
      port,
    });
    const [{ answer, socket } = { answer: undefined }] = answers;
    expect(answer).toEqual({ type: "dialled", id: 7 });
    const [chunk] = (await once(socket?.resume() as Socket, "data")) as [Buffer];
    expect(chunk.toString()).toBe("first word");
  });

  test("says why there is none", async () => {
    const request = openOutside(send, { connect, lookUp, hostServices: new Map() });
    server.close();
    await request({ type: "dial", id: 1, address: "192.0.2.1", port });
    dialled.length = 0;
    await request({ type: "dial", id: 2, address: "127.0.0.1", port });
    expect(answers.map(({ answer }) => answer)).toEqual([
      { type: "dialled", id: 1, code: "ECONNREFUSED" },
      { type: "dialled", id: 2, code: "ECONNREFUSED" },
    ]);
    expect(dialled).toEqual([]);
  });

  test("keeps this machine's loopback addresses out of answers", async () => {
    const request = openOutside(send, { connect, lookUp, hostServices: new Map() });
    await request({ type: "look-up", id: 1, name: "mixed.test" });
    await request({ type: "look-up", id: 2, name: "none.test" });
    await request({ type: "look-up", id: 3, name: "slow.test" });
    expect(answers.map(({ answer }) => answer)).toEqual([
      { type: "looked-up", id: 1, addresses: ["192.0.2.1"] },
      { type: "looked-up", id: 2, addresses: [] },
      { type: "looked-up", id: 3, addresses: [], code: "EAI_AGAIN" },
    ]);
  });

  test("of this machine's own services only those that were named are reached, by a name of their own", async () => {
    const hostServices = new Map([[4222, { host: "::1", port }]]);
    const request = openOutside(send, { connect, lookUp, hostServices });
    await request({ type: "look-up", id: 1, name: "host.kelvin.internal" });
    await request({ type: "dial", id: 2, address: "192.0.2.1", port: 4222 });
    expect(answers.map(({ answer }) => answer)).toEqual([
      { type: "looked-up", id: 1, addresses: ["192.0.2.1"] },
      { type: "dialled", id: 2 },
    ]);
    expect(dialled.at(-1)).toBe("::1");
    // Another port is whatever has that address outside.
    await request({ type: "dial", id: 3, address: "192.0.2.1", port });
    expect(dialled.at(-1)).toBe("192.0.2.1");
    await openOutside(send, { connect, lookUp, hostServices: new Map() })({
      type: "look-up",
      id: 4,
      name: "host.kelvin.internal",
    });
    expect(answers.at(-1)?.answer).toMatchObject({ id: 4, addresses: [] });
  });

  test("resolves three names at once, and refuses when too many wait", async () => {
    const finish: (() => void)[] = [];
    const slow = (): Promise<readonly string[]> => new Promise((resolve) => finish.push(() => resolve([])));
    const request = openOutside(send, { connect, lookUp: slow, hostServices: new Map() });
    const all = Array.from({ length: 204 }, (_, id) => request({ type: "look-up", id, name: `${id}.test` }));
    await all[203];
    expect(answers.map(({ answer }) => answer)).toEqual([
      { type: "looked-up", id: 203, addresses: [], code: "EAI_AGAIN" },
    ]);
    expect(finish).toHaveLength(3);
    for (let next = finish.shift(); next !== undefined; next = finish.shift()) {
      next();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(all);
    expect(answers).toHaveLength(204);
  });
});
