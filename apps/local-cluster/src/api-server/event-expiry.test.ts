import { expect, test } from "@jest/globals";
import { openStore, type Store } from "../storage/store.ts";
import { expireEvents } from "./event-expiry.ts";

const now = new Date("2026-01-01T12:00:00Z");

function put(store: Store, name: string, lastTimestamp: string): void {
  const metadata = { name, namespace: "n", creationTimestamp: "2026-01-01T00:00:00Z" };
  store.put({ type: "/events", namespace: "n", name }, { apiVersion: "v1", kind: "Event", metadata, lastTimestamp });
}

function names(store: Store): (string | undefined)[] {
  return store.list("/events").map(({ metadata }) => metadata.name);
}

test("an Event goes an hour after it was last seen", () => {
  const store = openStore();
  put(store, "old", "2026-01-01T10:59:59Z");
  put(store, "fresh", "2026-01-01T11:00:01Z");
  put(store, "unreadable", "?");
  expireEvents(store, now);
  expect(names(store)).toEqual(["fresh"]);
});

test("of too many the oldest go", () => {
  const store = openStore();
  for (let index = 0; index < 5_002; index++)
    put(store, `e${index}`, `2026-01-01T11:30:${String(index % 60).padStart(2, "0")}Z`);
  put(store, "oldest", "2026-01-01T11:20:00Z");
  expireEvents(store, now);
  expect(names(store)).toHaveLength(5_000);
  expect(names(store)).not.toContain("oldest");
});
