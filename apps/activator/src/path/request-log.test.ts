import { PassThrough, Writable } from "node:stream";
import type { Exchange } from "@kelvin/http-proxy";
import { expect, test } from "@jest/globals";
import { openRequestLog } from "./request-log.ts";

function exchange(changes: Partial<Record<keyof Exchange, unknown>> = {}, userAgent?: string): Exchange {
  return {
    listener: "public",
    remoteAddress: "127.0.0.1",
    method: "GET",
    host: "hello.example.com",
    target: "/?q=1",
    status: 200,
    outcome: "forwarded",
    requestBodyBytes: 1,
    responseBodyBytes: 13,
    receivedAtMs: 1_000,
    header: () => userAgent,
    ...changes,
  } as Partial<Exchange> as Exchange;
}

test("a line is JSON that says what happened, whatever the client chose to send", () => {
  const out = new PassThrough({ encoding: "utf8" });
  const log = openRequestLog(out, () => 0);
  const evil = '"}\u0000\\\n{"ü';
  log.record(exchange(), 1_012.345);
  log.record(exchange({ target: evil, outcome: undefined }, evil), 1_000);
  log.close();
  const lines = String(out.read())
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines[0]).toEqual({
    time: "1970-01-01T00:00:00.000Z",
    listener: "public",
    remote: "127.0.0.1",
    method: "GET",
    host: "hello.example.com",
    target: "/?q=1",
    status: 200,
    outcome: "forwarded",
    requestBytes: 1,
    responseBytes: 13,
    latencyMs: 12.35,
  });
  expect(lines[1]).toMatchObject({ target: evil, userAgent: evil, outcome: "" });
});

test("a reader that does not read costs lines, not memory", () => {
  const stuck = new Writable({ write: () => undefined });
  const log = openRequestLog(stuck, () => 0);
  const target = `/${"x".repeat(30_000)}`;
  for (let i = 0; i < 400; i++) log.record(exchange({ target }), 1_000);
  log.close();
  expect(log.dropped).toBeGreaterThan(0);
  expect(stuck.writableLength).toBeLessThan(5 * 1024 * 1024);
});
