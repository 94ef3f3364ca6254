import { afterEach, expect, test } from "@jest/globals";
import { once } from "node:events";
import { createServer, type Http2Server, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { checkGrpcHealth } from "./grpc-health.ts";

let server: Http2Server | undefined;
afterEach(() => {
  server?.close();
});

type Answer = { readonly grpcStatus?: string; readonly body?: readonly number[]; readonly isSilent?: boolean };

/** A health server that knows no service but `known`, written without the code under test. */
async function serve(answer: Answer): Promise<{ port: number; requests: Buffer[] }> {
  const requests: Buffer[] = [];
  server = createServer().on("stream", (stream: ServerHttp2Stream) => {
    const chunks: Buffer[] = [];
    stream.on("error", () => undefined);
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      requests.push(Buffer.concat(chunks));
      if (answer.isSilent === true) return;
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": answer.grpcStatus ?? "0" }));
      stream.end(answer.body === undefined ? undefined : Buffer.from(answer.body));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, requests };
}

test("a server that serves is healthy, and hears the service's name", async () => {
  const { port, requests } = await serve({ body: [0, 0, 0, 0, 2, 8, 1] });
  expect(await checkGrpcHealth({ host: "127.0.0.1", port, service: "abc" }, 5_000)).toBeUndefined();
  expect(await checkGrpcHealth({ host: "127.0.0.1", port, service: "" }, 5_000)).toBeUndefined();
  expect(requests).toEqual([Buffer.from([0, 0, 0, 0, 5, 0x0a, 3, 0x61, 0x62, 0x63]), Buffer.from([0, 0, 0, 0, 0])]);
});

test.each<[Answer, string]>([
  [{ body: [0, 0, 0, 0, 2, 8, 2] }, 'service unhealthy (responded with "NOT_SERVING")'],
  [{ body: [0, 0, 0, 0, 0] }, 'service unhealthy (responded with "UNKNOWN")'],
  [{ grpcStatus: "12" }, "this server does not implement the grpc health protocol (grpc.health.v1.Health)"],
  [{ grpcStatus: "5" }, "health rpc failed: rpc error: code = 5 desc = "],
])("%j is not", async (answer, failure) => {
  const { port } = await serve(answer);
  expect(await checkGrpcHealth({ host: "127.0.0.1", port, service: "" }, 5_000)).toBe(failure);
});

test("nobody there, and nobody who answers in time, is a failure", async () => {
  const { port } = await serve({ isSilent: true });
  expect(await checkGrpcHealth({ host: "127.0.0.1", port, service: "" }, 50)).toContain("context deadline exceeded");
  expect(await checkGrpcHealth({ host: "127.0.0.1", port: 1, service: "" }, 5_000)).toContain("ECONNREFUSED");
});
