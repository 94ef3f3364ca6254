import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "@jest/globals";
import { callHttp } from "./http-call.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const never = new AbortController().signal;

test("a body goes there and an answer comes back, whatever its status", async () => {
  const url = await serve((request, response) => {
    const { method, headers } = request;
    response.writeHead(418, { "x-seen": `${method} ${headers["content-length"]} ${String(headers["x-own"])}` });
    request.pipe(response);
  });
  const answer = await callHttp(url, {
    method: "POST",
    headers: { "x-own": "y" },
    body: "zwölf",
    signal: never,
    bodyBytesMax: 6,
  });
  expect(answer).toMatchObject({ status: 418, headers: { "x-seen": "POST 6 y" } });
  expect(answer.body.toString()).toBe("zwölf");
});

test("an answer that is too long or breaks off is an error", async () => {
  const long = await serve((_request, response) => response.end("1234567"));
  await expect(callHttp(long, { signal: never, bodyBytesMax: 6 })).rejects.toThrow("longer than 6 bytes");
  const broken = await serve((request, response) => {
    response.writeHead(200, { "content-length": "9" }).write("1");
    setImmediate(() => request.socket.destroy());
  });
  await expect(callHttp(broken, { signal: never, bodyBytesMax: 9 })).rejects.toThrow("aborted");
});

test("an abort rejects with its reason, before the answer and within it", async () => {
  const silent = new AbortController();
  const url = await serve((request, response) => {
    if (request.url === "/begun") response.write("1");
    setImmediate(() => silent.abort(new Error("enough")));
  });
  await expect(callHttp(`${url}/begun`, { signal: silent.signal, bodyBytesMax: 9 })).rejects.toThrow("enough");
  await expect(callHttp(url, { signal: silent.signal, bodyBytesMax: 9 })).rejects.toThrow("enough");
});
