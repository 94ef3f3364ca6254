import { expect, test } from "@jest/globals";
import type { DeadLetterStore, KnownConsumer } from "@kelvin/bus";
import { createLogger } from "@kelvin/http-service";
import { fakeClock } from "@kelvin/testkit";
import { openConsumerCensus } from "./consumer-census.ts";

const known = (id: string, backlog = 0): KnownConsumer =>
  ({ consumer: { id, uid: `uid-${id}` }, backlog }) as unknown as KnownConsumer;

test("letters are counted once, again when some came or went, and from time to time where there are some", async () => {
  const clock = fakeClock();
  const letters = new Map<string, number>();
  const asked: string[] = [];
  const store = {
    append: ({ consumerId }: { consumerId: string }) => {
      letters.set(consumerId, (letters.get(consumerId) ?? 0) + 1);
      return Promise.resolve();
    },
    count: (id: string) => {
      asked.push(id);
      return Promise.resolve({ letters: letters.get(id) ?? 0, evicted: 0 });
    },
    clear: (id: string) => {
      letters.delete(id);
      return Promise.resolve(0);
    },
  } as unknown as DeadLetterStore;
  const told = new Map<string, object>();
  const book = { setCounts: (uid: string, counts: object) => void told.set(uid, counts) };
  const census = openConsumerCensus({ book, clock, log: createLogger("test", { level: "silent" }) });
  const watched = census.watch(store);
  const delivery = { consumers: () => [known("a", 3), known("b")].values() };
  census.add(delivery);
  await clock.advance(10_000);
  expect([asked, told.get("uid-a")]).toEqual([["a", "b"], { deadLetters: 0, backlog: 3 }]);

  await watched.append({ consumerId: "a" } as Parameters<DeadLetterStore["append"]>[0]);
  await clock.advance(2_000);
  expect([asked, told.get("uid-a")]).toEqual([["a", "b", "a"], { deadLetters: 1, backlog: 3 }]);
  letters.set("a", 5);
  await clock.advance(32_000);
  expect([asked, told.get("uid-a")]).toEqual([["a", "b", "a", "a"], { deadLetters: 5, backlog: 3 }]);

  await watched.clear("a");
  await clock.advance(2_000);
  expect(told.get("uid-a")).toMatchObject({ deadLetters: 0 });
  census.delete(delivery);
  await clock.advance(2_000);
  const count = asked.length;
  await clock.advance(60_000);
  expect(asked.length).toBe(count);
  await census.close();
});
