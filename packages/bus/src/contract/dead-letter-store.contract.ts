import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { DeadLetter, DeadLetterStore } from "../delivery/dead-letter-store.ts";

/** What the suite needs of the store at hand. */
export interface DeadLetterStoreUnderTest {
  /** Opens an empty store with this bound against its real broker. */
  open(bytesMax: number): Promise<DeadLetterStore>;
  /** Opens another handle of the store that was opened last; undefined where a store lives in its process. */
  readonly openAgain?: () => Promise<DeadLetterStore>;
  close(): Promise<void>;
}

const BYTES_MAX = 2_000_000;

/** The contract of `DeadLetterStore`, as tests against a real broker. */
export function describeDeadLetterStore(name: string, subject: DeadLetterStoreUnderTest): void {
  describe(`DeadLetterStore contract: ${name}`, () => {
    let store: DeadLetterStore;
    beforeAll(async () => {
      store = await subject.open(BYTES_MAX);
    });
    afterAll(() => subject.close());
    describeLetters(() => store);
    describeBound(() => subject.open(BYTES_MAX));

    const durable = subject.openAgain === undefined ? test.skip : test;
    durable("letters outlive the client (not run where the store lives in the client)", async () => {
      const first = await subject.open(BYTES_MAX);
      await first.append(letter("a", { body: Buffer.from("kept") }));
      const second = await subject.openAgain?.();
      expect(bodiesOf((await second?.list("a", { limit: 10 })) ?? [])).toEqual(["kept"]);
    });
  });
}

function describeLetters(store: () => DeadLetterStore): void {
  test("a letter comes back as it was, with why and when", async () => {
    const consumerId = newConsumer();
    const headers = ["ce-id", "1", "x-twice", "a", "x-twice", "b"];
    const detail = "http://x/ answered 500: größer & 100 %";
    await store().append({ consumerId, reason: "ReplyFailed", detail, headers, body: Buffer.from([0, 255, 10]) });
    const [found] = await store().list(consumerId, { limit: 10 });
    expect(found).toMatchObject({ consumerId, reason: "ReplyFailed", detail, headers });
    expect([...found!.body]).toEqual([0, 255, 10]);
    expect(found!.storedAtMs).toBeGreaterThan(0);
  });

  test("letters are listed oldest first, in pages, to their own consumer alone", async () => {
    const [one, other] = [newConsumer(), newConsumer()];
    for (const id of ["1", "2", "3", "4", "5"]) {
      await store().append(letter(one, { body: Buffer.from(id) }));
      await store().append(letter(other, { body: Buffer.from(`other${id}`) }));
    }
    const first = await store().list(one, { limit: 2 });
    expect(bodiesOf(first)).toEqual(["1", "2"]);
    const rest = await store().list(one, { after: first[1]!.id, limit: 10 });
    expect(bodiesOf(rest)).toEqual(["3", "4", "5"]);
    expect([...first, ...rest].map(({ id }) => id)).toEqual([...first, ...rest].map(({ id }) => id).sort());
    expect(await store().list(one, { after: rest[2]!.id, limit: 10 })).toEqual([]);
    expect(await store().list(newConsumer(), { limit: 10 })).toEqual([]);
  });

  test("a letter is removed once, and by its own consumer", async () => {
    const [one, other] = [newConsumer(), newConsumer()];
    for (const id of ["1", "2", "3"]) await store().append(letter(one, { body: Buffer.from(id) }));
    const [, middle] = await store().list(one, { limit: 3 });
    expect(await store().remove(other, middle!.id)).toBe(false);
    expect(await store().remove(one, "no such letter")).toBe(false);
    expect(await store().remove(one, middle!.id)).toBe(true);
    expect(await store().remove(one, middle!.id)).toBe(false);
    expect(bodiesOf(await store().list(one, { limit: 10 }))).toEqual(["1", "3"]);
    expect(await store().count(one)).toEqual({ letters: 2, evicted: 0 });
  });

  test("a consumer that is gone takes its letters with it, and no other's", async () => {
    const [one, other] = [newConsumer(), newConsumer()];
    for (const consumerId of [one, one, other]) await store().append(letter(consumerId));
    expect(await store().clear(one)).toBe(2);
    expect(await store().clear(one)).toBe(0);
    expect(await store().count(one)).toEqual({ letters: 0, evicted: 0 });
    expect((await store().count(other)).letters).toBe(1);
  });
}

function describeBound(open: () => Promise<DeadLetterStore>): void {
  test("a full store throws out the oldest, counted, whoever's it is", async () => {
    const store = await open();
    const body = Buffer.alloc(BYTES_MAX * 0.4);
    for (const consumerId of ["a", "b", "a", "b", "b"]) await store.append(letter(consumerId, { body }));
    expect(await store.count("a")).toEqual({ letters: 0, evicted: 2 });
    expect(await store.count("b")).toEqual({ letters: 2, evicted: 1 });
    const [oldest] = await store.list("b", { limit: 1 });
    // What its owner takes away makes room, and is not an eviction.
    expect(await store.remove("b", oldest!.id)).toBe(true);
    await store.append(letter("a", { body }));
    expect(await store.count("b")).toEqual({ letters: 1, evicted: 1 });
    expect(await store.count("a")).toEqual({ letters: 1, evicted: 2 });
    await store.clear("a");
    expect(await store.count("a")).toEqual({ letters: 0, evicted: 0 });
  });
}

function newConsumer(): string {
  return `default/größe ${randomBytes(6).toString("hex")}`;
}

function letter(consumerId: string, { body = Buffer.from("x") } = {}): Omit<DeadLetter, "id" | "storedAtMs"> {
  return { consumerId, reason: "Rejected", detail: "d", headers: ["ce-id", "1"], body };
}

function bodiesOf(letters: readonly DeadLetter[]): string[] {
  return letters.map(({ body }) => body.toString());
}
