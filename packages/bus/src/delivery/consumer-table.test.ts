import { describe, expect, test } from "@jest/globals";
import { decodeEvent, eventAttribute } from "@kelvin/cloudevents";
import type { CloudEvent } from "@kelvin/cloudevents";
import { systemClock } from "../clock.ts";
import { makeRandom } from "../simulator/random.ts";
import { makeConsumer } from "./consumer.fixture.ts";
import type { Consumer } from "./consumer.ts";
import { makeConsumerTable } from "./consumer-table.ts";
import type { ConsumerTable } from "./consumer-table.ts";

const ofTypes = (...types: string[]): Partial<Consumer> => ({
  types,
  matches: (event) => types.includes(eventAttribute(event, "type") ?? ""),
});

function eventOf(type: string): CloudEvent {
  return decodeEvent(["ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s", "ce-type", type], Buffer.alloc(0));
}

function matching(table: ConsumerTable, event: CloudEvent | undefined): string[] {
  const ids: string[] = [];
  table.forEachMatching(event, (known) => ids.push(known.consumer.id));
  return ids.sort();
}

describe("who gets an event", () => {
  test("those whose types name its type, and those of any type, if they match", () => {
    const table = makeConsumerTable(systemClock);
    table.replace([
      makeConsumer("orders", ofTypes("order")),
      makeConsumer("both", ofTypes("order", "bill", "order")),
      makeConsumer("bills", ofTypes("bill")),
      makeConsumer("none", { ...ofTypes("order"), matches: () => false }),
      makeConsumer("nothing", ofTypes()),
      makeConsumer("all"),
      makeConsumer("events", { matches: () => true }),
    ]);
    expect(matching(table, eventOf("order"))).toEqual(["all", "both", "events", "orders"]);
    expect(matching(table, eventOf("bill"))).toEqual(["all", "bills", "both", "events"]);
    expect(matching(table, eventOf("other"))).toEqual(["all", "events"]);
    expect(matching(table, undefined)).toEqual(["all"]);
  });

  test("are those that asking all of them would find", () => {
    const random = makeRandom(1);
    const table = makeConsumerTable(systemClock);
    for (let round = 0; round < 50; round += 1) {
      const all = Array.from({ length: random.integer(0, 30) }, (_, index) =>
        makeConsumer(
          `c${index}`,
          random.chance(0.3) ? {} : ofTypes(...["a", "b", "c"].filter(() => random.chance(0.4))),
        ),
      );
      table.replace(all);
      for (const type of ["a", "b", "c", "d"]) {
        const event = eventOf(type);
        const asked = all.filter(({ matches }) => matches === undefined || matches(event)).map(({ id }) => id);
        expect(matching(table, event)).toEqual(asked.sort());
      }
    }
  });

  test("a thousand of other types are not asked", () => {
    let asked = 0;
    const table = makeConsumerTable(systemClock);
    const counting = (type: string): Partial<Consumer> => ({
      types: [type],
      matches: () => {
        asked += 1;
        return true;
      },
    });
    table.replace(Array.from({ length: 1_000 }, (_, index) => makeConsumer(`c${index}`, counting(`t${index}`))));
    expect(matching(table, eventOf("t7"))).toEqual(["c7"]);
    expect(asked).toBe(1);
  });
});

test("a new edition keeps gate and backlog, also for whoever holds them; one that is gone does not", () => {
  const table = makeConsumerTable(systemClock);
  table.replace([makeConsumer("a"), makeConsumer("b")]);
  const held = table.find("a");
  held?.gate.enter(0, false);
  expect(table.replace([makeConsumer("a", { generation: 2, ...ofTypes("order") })])).toEqual(["b"]);
  expect(table.find("a")).toBe(held);
  expect(held).toMatchObject({ consumer: { generation: 2 }, gate: { inFlight: 1 } });
  expect(matching(table, eventOf("bill"))).toEqual([]);
  table.replace([]);
  table.replace([makeConsumer("a")]);
  expect(table.find("a")?.gate.inFlight).toBe(0);
});
