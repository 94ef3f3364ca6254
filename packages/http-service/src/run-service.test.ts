import { EventEmitter } from "node:events";
import { describe, expect, test } from "@jest/globals";
import { createLogger } from "./logger.ts";
import { runService } from "./run-service.ts";

const log = createLogger("test", { level: "silent" });

/** A process that tells its exit code instead of ending. */
function makeProcess(): { host: Pick<NodeJS.Process, "on" | "exit">; events: EventEmitter; exited: Promise<number> } {
  const events = new EventEmitter();
  const exited = Promise.withResolvers<number>();
  const exit = ((code: number) => exited.resolve(code)) as NodeJS.Process["exit"];
  const host = { on: events.on.bind(events) as unknown as NodeJS.Process["on"], exit };
  return { host, events, exited: exited.promise };
}

describe("runService", () => {
  test("closes on SIGTERM and exits 0", async () => {
    const { host, events, exited } = makeProcess();
    const closed: string[] = [];
    const service = { close: () => Promise.resolve(void closed.push("closed")) };
    const running = runService(() => Promise.resolve(service), { log, process: host });
    events.emit("SIGTERM", "SIGTERM");
    expect(await exited).toBe(0);
    await running;
    expect(closed).toEqual(["closed"]);
  });

  test.each<[string, (events: EventEmitter) => void]>([
    ["a second signal", (events) => ["SIGINT", "SIGTERM"].forEach((signal) => events.emit(signal, signal))],
    ["a stop that takes too long", (events) => events.emit("SIGTERM", "SIGTERM")],
    ["an exception that nobody caught", (events) => events.emit("uncaughtException", new Error("x"))],
    ["a rejection that nobody caught", (events) => events.emit("unhandledRejection", new Error("x"))],
  ])("exits 1 after %s", async (_name, happen) => {
    const { host, events, exited } = makeProcess();
    const service = { close: () => new Promise<void>(() => undefined) };
    const running = runService(() => Promise.resolve(service), { log, stopMsMax: 20, process: host });
    running.catch(() => undefined);
    happen(events);
    expect(await exited).toBe(1);
  });

  test("exits 1 when the start or the stop fails", async () => {
    const failing = makeProcess();
    runService(() => Promise.reject(new Error("port taken")), { log, process: failing.host }).catch(() => undefined);
    expect(await failing.exited).toBe(1);

    const stopping = makeProcess();
    const service = { close: () => Promise.reject(new Error("no")) };
    runService(() => Promise.resolve(service), { log, process: stopping.host }).catch(() => undefined);
    stopping.events.emit("SIGTERM", "SIGTERM");
    expect(await stopping.exited).toBe(1);
  });
});
