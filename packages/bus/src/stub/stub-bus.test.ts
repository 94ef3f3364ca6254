import { expect, test } from "@jest/globals";
import { BusUnavailableError } from "../bus.ts";
import { describeBus } from "../contract/index.ts";
import { systemClock } from "../clock.ts";
import { makeMemoryDeadLetterStore } from "./memory-dead-letter-store.ts";
import { openStubBus } from "./stub-bus.ts";

// One client of the stub is the whole broker.
const bus = openStubBus();
describeBus("stub", { open: () => Promise.resolve(bus), isDurable: false, boundsUnfinished: true });

test("a record that no reader waits for is taken and kept for nobody", async () => {
  const own = openStubBus();
  const log = await own.openLog({ id: "l", partitions: 1, unfinishedBytesMax: 10 });
  for (let count = 0; count < 10; count += 1) await log.append({ headers: [], body: Buffer.alloc(9) });
  expect(await log.backlog("a")).toEqual({ records: 0, oldestMs: undefined });
  await own.deleteLog("l");
  await expect(log.append({ headers: [], body: Buffer.alloc(1) })).rejects.toThrow(BusUnavailableError);
});

test("a full dead-letter store throws out the oldest, counted", async () => {
  const store = makeMemoryDeadLetterStore({ bytesMax: 25, clock: systemClock });
  for (const id of ["1", "2", "3"]) {
    await store.append({
      consumerId: id === "2" ? "b" : "a",
      reason: "Rejected",
      detail: "",
      headers: [],
      body: Buffer.alloc(10),
    });
  }
  expect(await store.count("a")).toEqual({ letters: 1, evicted: 1 });
  expect(await store.count("b")).toEqual({ letters: 1, evicted: 0 });
  const [letter] = await store.list("a", { limit: 10 });
  expect(await store.remove("b", letter!.id)).toBe(false);
  expect(await store.remove("a", letter!.id)).toBe(true);
  expect(await store.clear("b")).toBe(1);
});
