import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { LogFullError, RecordTooLargeError } from "../bus.ts";
import type { Bus, BusLog, BusRecord, HeldRecord, LogSpec } from "../bus.ts";

/** What a suite needs of the adapter at hand. */
export interface BusUnderTest {
  /** Opens the bus against its real broker; called again, a second client of the same broker. */
  open(): Promise<Bus>;
  /** Whether what waits at the broker outlives the client. False for the stub alone. */
  readonly isDurable: boolean;
  /** Whether the bound on unfinished bytes is exact. */
  readonly boundsUnfinished: boolean;
}

/** How long a test waits for what the broker does on its own. */
const PATIENCE_MS = 20_000;

/** The contract of `Bus`, as tests against a real broker. Every log it makes has a name of its own and is removed. */
export function describeBus(name: string, subject: BusUnderTest): void {
  describe(`Bus contract: ${name}`, () => {
    let bus: Bus;
    const made: string[] = [];
    beforeAll(async () => {
      bus = await subject.open();
    });
    afterAll(async () => {
      for (const id of made) await bus.deleteLog(id);
      await bus.close();
    });
    const world: World = {
      subject,
      bus: () => bus,
      spec(change = {}) {
        const id = `contract-${randomBytes(6).toString("hex")}`;
        made.push(id);
        return { id, partitions: 1, unfinishedBytesMax: 10_000_000, ...change };
      },
    };
    describeHandingOut(world);
    describeGroups(world);
    describeLimits(world);
    describeLogs(world);
  });
}

interface World {
  readonly subject: BusUnderTest;
  bus(): Bus;
  spec(change?: Partial<LogSpec>): LogSpec;
}

function describeHandingOut(world: World): void {
  test("a record comes as it was appended, and not again once it is finished", async () => {
    const log = await world.bus().openLog(world.spec());
    const reader = await readInto(log, "a");
    const body = Buffer.from([0, 255, 10, 13]);
    await log.append({ headers: ["ce-id", "1", "X-Twice", "a", "x-twice", "b"], body });
    const record = await reader.next();
    expect(pairs(record)).toEqual(["ce-id: 1", "x-twice: a", "x-twice: b"]);
    expect([...record.body]).toEqual([0, 255, 10, 13]);
    expect(record.acceptedAtMs).toBeGreaterThan(0);
    await record.finish();
    await record.finish();
    record.release();
    await log.append(text("2"));
    expect(bodyOf(await reader.next())).toBe("2");
    await reader.close();
    await log.close();
  });

  test("a record that is given back comes again, and holds up no other", async () => {
    const log = await world.bus().openLog(world.spec());
    const reader = await readInto(log, "a");
    await log.append(text("first"));
    const first = await reader.next();
    await log.append(text("second"));
    const second = await reader.next();
    expect([bodyOf(first), bodyOf(second)]).toEqual(["first", "second"]);
    await second.finish();
    first.release();
    const again = await reader.next();
    expect(bodyOf(again)).toBe("first");
    await again.finish();
    expect(await log.backlog("a")).toEqual({ records: 0, oldestMs: undefined });
    await reader.close();
    await log.close();
  });

  test("records of one key come in the order of their appends", async () => {
    const log = await world.bus().openLog(world.spec({ partitions: 3 }));
    const reader = await readInto(log, "a");
    const sent = Array.from({ length: 60 }, (_, index) => `${"xyz"[index % 3]}${index}`);
    for (const id of sent) await log.append({ headers: [], body: Buffer.from(id), key: id.slice(0, 1) });
    const got: string[] = [];
    while (got.length < sent.length) {
      const record = await reader.next();
      got.push(bodyOf(record));
      await record.finish();
    }
    for (const key of "xyz") {
      expect(got.filter((id) => id.startsWith(key))).toEqual(sent.filter((id) => id.startsWith(key)));
    }
    await reader.close();
    await log.close();
  });

  test("no more is handed out than the window holds, and none while paused", async () => {
    const log = await world.bus().openLog(world.spec());
    const reader = await readInto(log, "a", { inFlightMax: 2 });
    for (const id of ["1", "2", "3"]) await log.append(text(id));
    const first = await reader.next();
    await reader.next();
    expect(await reader.isQuiet()).toBe(true);
    reader.pause();
    await first.finish();
    expect(await reader.isQuiet()).toBe(true);
    reader.resume();
    expect(bodyOf(await reader.next())).toBe("3");
    await reader.close();
    await log.close();
  });

  test("ends tell apart what came before and after", async () => {
    const log = await world.bus().openLog(world.spec());
    const reader = await readInto(log, "a");
    await log.append(text("before"));
    const ends = await log.ends();
    await log.append(text("after"));
    const records = [await reader.next(), await reader.next()];
    expect(records.map((record) => [bodyOf(record), record.isAfter(ends)])).toEqual([
      ["before", false],
      ["after", true],
    ]);
    for (const record of records) await record.finish();
    await reader.close();
    await log.close();
  });
}

function describeGroups(world: World): void {
  test("each reader gets every record; handles of one reader share them", async () => {
    const log = await world.bus().openLog(world.spec());
    const one = await readInto(log, "shared", { inFlightMax: 1 });
    const two = await readInto(log, "shared", { inFlightMax: 1 });
    const other = await readInto(log, "other", { inFlightMax: 10 });
    for (const id of ["1", "2", "3", "4"]) await log.append(text(id));
    const seen: string[] = [];
    const drain = async (reader: Inbox): Promise<void> => {
      while (seen.length < 4) {
        const record = await reader.nextOrNone();
        if (record === undefined) continue;
        seen.push(bodyOf(record));
        await record.finish();
      }
    };
    await Promise.all([drain(one), drain(two)]);
    expect(seen.sort()).toEqual(["1", "2", "3", "4"]);
    const all = [await other.next(), await other.next(), await other.next(), await other.next()];
    expect(all.map(bodyOf).sort()).toEqual(["1", "2", "3", "4"]);
    for (const reader of [one, two, other]) await reader.close();
    await log.close();
  });

  test("what a closed handle held goes to the next one", async () => {
    const log = await world.bus().openLog(world.spec());
    const first = await readInto(log, "a");
    await log.append(text("1"));
    await first.next();
    await first.close();
    const second = await readInto(log, "a");
    const record = await second.next();
    expect(bodyOf(record)).toBe("1");
    await record.finish();
    await second.close();
    await log.close();
  });

  test("what comes while no handle is open waits; a deleted reader's backlog is counted", async () => {
    const log = await world.bus().openLog(world.spec());
    await (await readInto(log, "a")).close();
    for (const id of ["1", "2"]) await log.append(text(id));
    expect((await log.backlog("a")).records).toBe(2);
    const reader = await readInto(log, "a");
    await (await reader.next()).finish();
    await (await reader.next()).finish();
    await reader.close();
    for (const id of ["3", "4", "5"]) await log.append(text(id));
    expect(await log.deleteReader("a")).toBe(3);
    expect(await log.deleteReader("a")).toBe(0);
    await log.close();
  });
}

function describeLimits(world: World): void {
  test("a record over the limit is refused", async () => {
    const log = await world.bus().openLog(world.spec({ unfinishedBytesMax: 100_000_000 }));
    const body = Buffer.alloc(world.bus().recordBytesMax + 1);
    await expect(log.append({ headers: [], body })).rejects.toThrow(RecordTooLargeError);
    await log.close();
  });

  const bounded = world.subject.boundsUnfinished ? test : test.skip;
  bounded("a log over its bound refuses, and takes again (not run where the bus offers no exact bound)", async () => {
    const log = await world.bus().openLog(world.spec({ unfinishedBytesMax: 20_000 }));
    const reader = await readInto(log, "a");
    const large = { headers: [], body: Buffer.alloc(9_000) };
    await log.append(large);
    await log.append(large);
    await expect(log.append(large)).rejects.toThrow(LogFullError);
    await (await reader.next()).finish();
    await (await reader.next()).finish();
    await expect(untilTaken(log, large)).resolves.toBeUndefined();
    await reader.close();
    await log.close();
  });
}

function describeLogs(world: World): void {
  test("a log that is not there is not found; one that is deleted is gone with its readers", async () => {
    const spec = world.spec();
    expect(await world.bus().findLog(spec)).toBeUndefined();
    const log = await world.bus().openLog(spec);
    await (await readInto(log, "a")).close();
    await log.append(text("1"));
    await log.close();
    await world.bus().deleteLog(spec.id);
    await world.bus().deleteLog(spec.id);
    expect(await world.bus().findLog(spec)).toBeUndefined();
    const next = await world.bus().openLog(spec);
    expect((await next.backlog("a")).records).toBe(0);
    await next.close();
  });

  const durable = world.subject.isDurable ? test : test.skip;
  durable("what was not finished outlives the client (not run where the bus lives in the client)", async () => {
    const spec = world.spec();
    const first = await world.subject.open();
    const log = await first.openLog(spec);
    const reader = await readInto(log, "a");
    for (const id of ["1", "2"]) await log.append(text(id));
    await (await reader.next()).finish();
    await first.close();
    const again = await world.bus().openLog(spec);
    const next = await readInto(again, "a");
    const record = await next.next();
    expect(bodyOf(record)).toBe("2");
    await record.finish();
    await next.close();
    await again.close();
  });
}

function text(body: string): BusRecord {
  return { headers: ["ce-id", body], body: Buffer.from(body) };
}

function bodyOf(record: BusRecord): string {
  return record.body.toString();
}

function pairs({ headers }: BusRecord): string[] {
  const found: string[] = [];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    found.push(`${headers[index]?.toLowerCase()}: ${headers[index + 1]}`);
  }
  return found;
}

async function untilTaken(log: BusLog, record: BusRecord): Promise<void> {
  const endMs = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      await log.append(record);
      return;
    } catch (error) {
      if (!(error instanceof LogFullError) || Date.now() > endMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** A reader whose records are asked for one by one. */
interface Inbox {
  next(): Promise<HeldRecord>;
  /** Undefined when none comes for a moment. */
  nextOrNone(): Promise<HeldRecord | undefined>;
  /** Whether nothing is there, and nothing comes for a moment. */
  isQuiet(): Promise<boolean>;
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

/** How long nothing must come before a test believes that nothing will. */
const QUIET_MS = 300;

async function readInto(log: BusLog, id: string, { inFlightMax = 100 } = {}): Promise<Inbox> {
  const waiting: HeldRecord[] = [];
  let wake: () => void = () => undefined;
  const reader = await log.openReader({
    id,
    from: "end",
    inFlightMax,
    onRecord(record) {
      waiting.push(record);
      wake();
    },
  });
  const within = async (limitMs: number): Promise<HeldRecord | undefined> => {
    if (waiting.length === 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, limitMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return waiting.shift();
  };
  return {
    async next() {
      const record = await within(PATIENCE_MS);
      if (record === undefined) throw new Error(`no record came within ${PATIENCE_MS} ms`);
      return record;
    },
    nextOrNone: () => within(QUIET_MS),
    isQuiet: async () => {
      await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
      return waiting.length === 0;
    },
    pause: () => {
      reader.pause();
    },
    resume: () => {
      reader.resume();
    },
    close: () => reader.close(),
  };
}
