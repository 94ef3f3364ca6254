import { expect, test } from "@jest/globals";
import { BusUnavailableError } from "../bus.ts";
import { describeBus, describeDeadLetterStore } from "../contract/index.ts";
import { systemClock } from "../clock.ts";
import { makeMemoryDeadLetterStore } from "./memory-dead-letter-store.ts";
import { openStubBus } from "./stub-bus.ts";

// One client of the stub is the whole broker.
const bus = openStubBus();
describeBus("stub", { open: () => Promise.resolve(bus), isDurable: false, boundsUnfinished: true });
describeDeadLetterStore("memory", {
  open: (bytesMax) => Promise.resolve(makeMemoryDeadLetterStore({ bytesMax, clock: systemClock })),
  close: () => Promise.resolve(),
});

test("a record that no reader waits for is taken and kept for nobody", async () => {
  const own = openStubBus();
  const log = await own.openLog({ id: "l", partitions: 1, unfinishedBytesMax: 10 });
  for (let count = 0; count < 10; count += 1) await log.append({ headers: [], body: Buffer.alloc(9) });
  expect(await log.backlog("a")).toEqual({ records: 0, oldestMs: undefined });
  await own.deleteLog("l");
  await expect(log.append({ headers: [], body: Buffer.alloc(1) })).rejects.toThrow(BusUnavailableError);
});
