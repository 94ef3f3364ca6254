import { describe, expect, test } from "@jest/globals";
import { inOrderFor, inRandomOrder } from "./endpoint-order.ts";

const endpoints = Array.from({ length: 5 }, (_, index) => ({ address: `10.44.0.${index + 2}`, port: 8080 }));
const clients = Array.from({ length: 500 }, (_, index) => `10.44.${index % 7}.${index % 250}`);

describe("inOrderFor", () => {
  test("a client keeps its endpoint when others come and go, and all get their share", () => {
    const count = new Map<string, number>();
    const [gone] = endpoints;
    for (const client of clients) {
      const first = inOrderFor(client, endpoints)[0]?.address ?? "";
      count.set(first, (count.get(first) ?? 0) + 1);
      const left = inOrderFor(client, endpoints.slice(1).toReversed())[0]?.address;
      if (first !== gone?.address) expect(left).toBe(first);
    }
    expect(Math.min(...count.values())).toBeGreaterThan(50);
    expect(count.size).toBe(5);
  });
});

test("at random, every endpoint is there once", () => {
  expect(inRandomOrder(endpoints)).toHaveLength(5);
  expect(new Set(inRandomOrder(endpoints))).toEqual(new Set(endpoints));
  expect(inRandomOrder([])).toEqual([]);
});
