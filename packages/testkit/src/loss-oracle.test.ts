import { expect, test } from "@jest/globals";
import { judgeLosses, type History, type OfferedEvent } from "./loss-oracle.ts";

function offered(id: string, atMs: number, status = 202): OfferedEvent {
  return { id, stream: "s", offeredAtMs: atMs, answeredAtMs: atMs + 5, status };
}

function history(changes: Partial<History>): History {
  return {
    offered: [offered("1", 10), offered("2", 20), offered("3", 30, 429)],
    consumers: [{ stream: "s", name: "c", isSteady: true }],
    delivered: () => ["1", "2"],
    deadLettered: () => [],
    outages: [],
    ...changes,
  };
}

test("all is well when what was accepted was delivered", () => {
  expect(judgeLosses(history({}))).toEqual({
    lost: [],
    astray: [],
    invented: [],
    duplicates: { "s/c": 0 },
    acceptedCount: 2,
    outsideOutages: { offeredCount: 3, acceptedRatio: 2 / 3, refused: { 429: 1 } },
  });
});

test("what is nowhere is lost, and what another stream's consumer got does not count", () => {
  const consumers = [
    { stream: "s", name: "c", isSteady: false },
    { stream: "other", name: "c", isSteady: false },
  ];
  const delivered: History["delivered"] = ({ stream }) => (stream === "s" ? ["1"] : []);
  expect(judgeLosses(history({ consumers, delivered })).lost).toEqual(["s/c/2"]);
});

test("a dead letter is no loss, but a steady consumer may have none", () => {
  const deadLettered = () => ["2"];
  const steady = judgeLosses(history({ delivered: () => ["1"], deadLettered }));
  expect([steady.lost, steady.astray]).toEqual([[], ["s/c/2"]]);
  const struck = [{ stream: "s", name: "c", isSteady: false }];
  expect(judgeLosses(history({ consumers: struck, delivered: () => ["1"], deadLettered })).astray).toEqual([]);
});

test("duplicates are counted, and events that nobody offered are seen", () => {
  const verdict = judgeLosses(history({ delivered: () => ["1", "2", "1", "1", "9"] }));
  expect([verdict.duplicates, verdict.invented]).toEqual([{ "s/c": 2 }, ["s/c/9"]]);
});

test("an event whose offer or answer lies in an outage does not count as refused", () => {
  const outages = [{ fromMs: 33, untilMs: 50 }];
  expect(judgeLosses(history({ outages })).outsideOutages).toEqual({ offeredCount: 2, acceptedRatio: 1, refused: {} });
});
