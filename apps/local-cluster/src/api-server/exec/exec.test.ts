import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { once } from "node:events";
import { request } from "node:https";
import { duplexPair, PassThrough, type Duplex } from "node:stream";
import { Pod } from "@kelvin/kube";
import { type ApiServer, openApiServer } from "../open-api-server.ts";
import { type ExecOptions, PodExecError, type WindowSize } from "../pod-exec.ts";
import { makeRawClient } from "../testing/raw-client.ts";
import { handshake, openWebSocket } from "./web-socket.ts";

let server: ApiServer;
const asked: ExecOptions[] = [];
const sizes: WindowSize[] = [];
beforeAll(async () => {
  server = await openApiServer({ listen: [{ host: "127.0.0.1", port: 0 }] });
  await server.kube.create(Pod, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "default" },
    spec: { nodeName: "kelvin", containers: [{ name: "c", image: "dev.local/x" }] },
  });
  server.setPodExec({
    openExec(_container, options) {
      asked.push(options);
      if (options.command[0] === "gone") return Promise.reject(new PodExecError('container not found ("c")'));
      const stdin = new PassThrough();
      const stderr = new PassThrough().end("oops");
      const exited = once(stdin, "end").then(() => 3);
      const resize = (size: WindowSize): Promise<void> => {
        sizes.push(size);
        return Promise.resolve();
      };
      return Promise.resolve({ stdin, stdout: stdin, stderr, exited, resize, kill: () => stdin.end() });
    },
  });
});
afterAll(() => server.close());

function frame(opcode: number, payload: Buffer): Buffer {
  const mask = Buffer.from([1, 2, 3, 4]);
  const masked = payload.map((byte, index) => byte ^ (mask[index & 3] ?? 0));
  const length = Buffer.from(
    payload.length < 126 ? [0x80 | payload.length] : [0xfe, payload.length >> 8, payload.length & 255],
  );
  return Buffer.concat([Buffer.from([0x80 | opcode]), length, mask, masked]);
}

async function connect(
  query: string,
  protocols: string,
  subresource = "exec",
): Promise<{ socket: Duplex; protocol: string | undefined }> {
  const call = request(`${server.url}/api/v1/namespaces/default/pods/p/${subresource}?${query}`, {
    ca: server.caCert,
    headers: {
      Authorization: `Bearer ${server.adminToken}`,
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Protocol": protocols,
    },
  });
  call.end();
  const [response, socket] = (await once(call, "upgrade")) as [{ headers: Record<string, string> }, Duplex];
  return { socket, protocol: response.headers["sec-websocket-protocol"] };
}

/** Messages by channel, of short frames, until the server says goodbye. */
async function readChannels(socket: Duplex): Promise<Record<number, string>> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
  let rest = Buffer.concat(chunks);
  const found: Record<number, string> = {};
  while (rest[0] === 0x82) {
    const isLong = rest[1] === 126;
    const [start, length] = isLong ? [4, rest.readUInt16BE(2)] : [2, rest[1] ?? 0];
    const channel = rest[start] ?? 0;
    found[channel] = (found[channel] ?? "") + rest.subarray(start + 1, start + length).toString();
    rest = rest.subarray(start + length);
  }
  expect(rest.subarray(0, 4)).toEqual(Buffer.from([0x88, 2, 3, 232]));
  return found;
}

describe("pods/exec", () => {
  test("input goes in until its channel is closed; output, errors and the exit code come out", async () => {
    const query = "command=cat&command=a%20b&stdin=true&stdout=true&stderr=true&container=c";
    const { socket, protocol } = await connect(query, "v5.channel.k8s.io,v4.channel.k8s.io");
    expect(protocol).toBe("v5.channel.k8s.io");
    const resized = ['{"Width":77,"Height":33}', '{"Width":0,"Height":33}', "[", "null"].map((text) =>
      frame(2, Buffer.from(`\u0004${text}`)),
    );
    socket.write(Buffer.concat([...resized, frame(2, Buffer.from("\0hello")), frame(2, Buffer.from([255, 0]))]));
    const channels = await readChannels(socket);
    expect(asked.at(-1)).toEqual({ command: ["cat", "a b"], hasStdin: true, isTerminal: false });
    expect(sizes).toEqual([{ columns: 77, rows: 33 }]);
    expect(channels[1]).toBe("hello");
    expect(channels[2]).toBe("oops");
    expect(JSON.parse(channels[3] ?? "")).toMatchObject({
      status: "Failure",
      reason: "NonZeroExitCode",
      details: { causes: [{ reason: "ExitCode", message: "3" }] },
    });
  });

  test("a container that does not run is told of on the error channel, for a refusal would be tried again as SPDY", async () => {
    const { socket, protocol } = await connect("command=gone&stdout=true", "v4.channel.k8s.io");
    expect(protocol).toBe("v4.channel.k8s.io");
    expect(JSON.parse((await readChannels(socket))[3] ?? "")).toMatchObject({ message: 'container not found ("c")' });
  });

  test("a client that asks for no WebSocket is told so", async () => {
    const { code, json } = await makeRawClient(server).call(
      "POST",
      "/api/v1/namespaces/default/pods/p/exec?command=ls&stdout=true",
    );
    expect(code).toBe(400);
    expect(json).toMatchObject({ message: expect.stringContaining("only WebSocket is served here") });
  });
});

describe("pods/attach", () => {
  beforeAll(() => {
    server.setPodLogs({
      async *openLog(_container, { tailLines, follow }) {
        await Promise.resolve();
        if (tailLines !== 0) yield Buffer.from("said before\n");
        if (follow === true) yield Buffer.from("said later\n");
      },
    });
  });

  test("shows what is said from now on", async () => {
    const { socket } = await connect("stdout=true&stderr=true", "v5.channel.k8s.io", "attach");
    const channels = await readChannels(socket);
    expect([channels[1], channels[2]]).toEqual(["said later\n", undefined]);
  });

  test("shows who brings input all of it, and tells them that nobody reads theirs", async () => {
    const { socket } = await connect("stdin=true&stdout=true&stderr=true", "v5.channel.k8s.io", "attach");
    socket.write(frame(2, Buffer.from("\0hello")));
    const channels = await readChannels(socket);
    expect(channels[1]).toBe("said before\nsaid later\n");
    expect(channels[2]).toContain("take no input");
  });
});

describe("openWebSocket", () => {
  function open(): { client: Duplex; messages: string[]; closed: Promise<void> } {
    const [client, socket] = duplexPair();
    const messages: string[] = [];
    const closed = new Promise<void>((resolve) => {
      openWebSocket(socket, { onMessage: (message) => messages.push(message.toString()), onClose: resolve });
    });
    return { client, messages, closed };
  }

  test("messages come whole, however the bytes arrive", async () => {
    const { client, messages, closed } = open();
    const bytes = Buffer.concat([frame(2, Buffer.from("a".repeat(300))), frame(2, Buffer.from("b"))]);
    for (const byte of bytes) client.write(Buffer.from([byte]));
    client.end(frame(8, Buffer.alloc(0)));
    client.resume();
    await closed;
    expect(messages).toEqual(["a".repeat(300), "b"]);
  });

  test.each([
    ["an unmasked frame", Buffer.from([0x82, 1, 65]), 1002],
    ["a frame beyond every measure", Buffer.from([0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4]), 1009],
  ])("%s ends the connection with code %#", async (_name, bytes, code) => {
    const { client } = open();
    client.write(bytes);
    const [answer] = (await once(client, "data")) as [Buffer];
    expect(answer.readUInt16BE(2)).toBe(code);
  });

  test("the handshake's answer is the one of RFC 6455", () => {
    expect(handshake("dGhlIHNhbXBsZSBub25jZQ==", "v5.channel.k8s.io")).toContain("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  });
});
