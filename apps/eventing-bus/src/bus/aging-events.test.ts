import { expect, test } from "@jest/globals";
import { fakeClock } from "@kelvin/testkit";
import { countAging } from "./aging-events.ts";

test("each is counted, and all of a minute are told in one line", async () => {
  const clock = fakeClock();
  const told: object[] = [];
  const aging = countAging({ clock, log: { warn: (fields: object) => void told.push(fields) } });
  const stream = { kind: "Broker", namespace: "shop", name: "orders" } as const;
  aging.note(stream, "an hour is left");
  aging.note(stream, "an hour is left");
  await clock.advance(60_000);
  aging.note(stream, "half an hour is left");
  expect(aging.count()).toBe(3);
  expect(told).toEqual([
    { stream, detail: "an hour is left", events: 1 },
    { stream, detail: "half an hour is left", events: 3 },
  ]);
});
