import { describe, expect, test } from "@jest/globals";
import type { KafkaMessage } from "kafkajs";
import { choosePosition } from "./choose-position.ts";
import { readMarks, SPAN_MAX, writeMarks } from "./finished-marks.ts";
import { openWindow, type PartitionWindow } from "./partition-window.ts";

function message(offset: number): KafkaMessage {
  return { offset: String(offset), key: null, value: Buffer.from("x"), timestamp: "0", attributes: 0, headers: {} };
}

function read(window: PartitionWindow, from: number, to: number): void {
  const offsets = Array.from({ length: to - from + 1 }, (_, index) => from + index);
  window.accept(offsets.map(message), to);
}

function takeAll(window: PartitionWindow): number[] {
  const taken: number[] = [];
  for (let entry = window.take(); entry !== undefined; entry = window.take()) taken.push(entry.offset);
  return taken;
}

describe("a window", () => {
  test("commits the finished prefix, and marks what is finished beyond it", () => {
    const window = openWindow(0, { offset: 10, metadata: "" });
    read(window, 10, 14);
    const [a, b, c, d] = [window.take()!, window.take()!, window.take()!, window.take()!];
    window.finish(b);
    window.finish(d);
    expect(window.position()).toEqual({ offset: 10, metadata: writeMarks(10, [11, 13]) });
    window.finish(a);
    expect(window.position()).toEqual({ offset: 12, metadata: writeMarks(12, [13]) });
    window.finish(c);
    window.finish(c);
    expect(window.position()).toEqual({ offset: 14, metadata: "" });
  });

  test("goes on where another left off: what that one finished does not come again", () => {
    const first = openWindow(0, { offset: 0, metadata: "" });
    read(first, 0, 5);
    const entries = Array.from({ length: 6 }, () => first.take()!);
    for (const index of [1, 2, 5]) first.finish(entries[index]!);
    const second = openWindow(0, first.position());
    // Nothing is forgotten before it was read again.
    expect(second.position()).toEqual(first.position());
    read(second, 0, 1);
    expect(second.position()).toEqual(first.position());
    read(second, 2, 7);
    expect(takeAll(second)).toEqual([0, 3, 4, 6, 7]);
  });

  test("offsets may have gaps, and a batch may hold nothing", () => {
    const window = openWindow(0, { offset: 3, metadata: "" });
    window.accept([message(5), message(9)], 12);
    expect(window.next).toBe(13);
    const [a, b] = [window.take()!, window.take()!];
    window.finish(b);
    expect(window.position().offset).toBe(5);
    window.finish(a);
    expect(window.position()).toEqual({ offset: 13, metadata: "" });
    window.accept([], 20);
    expect(window.position()).toEqual({ offset: 21, metadata: "" });
  });

  test("what is given back comes first, and finished it does not come at all", () => {
    const window = openWindow(0, { offset: 0, metadata: "" });
    read(window, 0, 2);
    const [a, b] = [window.take()!, window.take()!];
    window.giveBack(a);
    window.finish(b);
    window.giveBack(b);
    expect(takeAll(window)).toEqual([0, 2]);
  });

  test("hands out nothing so far ahead that its end could not be told, and the longest marks fit", () => {
    const window = openWindow(0, { offset: 0, metadata: "" });
    read(window, 0, SPAN_MAX + 10);
    expect(window.isNarrow).toBe(false);
    const entries = [];
    for (let entry = window.take(); entry !== undefined; entry = window.take()) entries.push(entry);
    expect(entries.length).toBe(SPAN_MAX);
    for (const entry of entries.slice(1)) window.finish(entry);
    expect(window.position().offset).toBe(0);
    expect(window.position().metadata.length).toBeLessThan(4_096);
    expect(readMarks(0, window.position().metadata).size).toBe(SPAN_MAX - 1);
    window.finish(entries[0]!);
    expect(takeAll(window).length).toBe(11);
  });
});

test("marks of somebody else say nothing", () => {
  expect(readMarks(0, null).size).toBe(0);
  expect(readMarks(0, "stored by some tool").size).toBe(0);
  expect([...readMarks(7, writeMarks(7, [8, 30]))]).toEqual([8, 30]);
});

describe("where a reader goes on", () => {
  const said = { offset: 5, metadata: "k1:AA" };
  const facts = { committed: said, mine: { said: [said], next: 9 }, start: 20, low: 0, high: 20 };
  test.each([
    ["with what it holds, when the group is where it said", facts, "go on"],
    ["also when it does not know that it was heard", { ...facts, mine: { said: [undefined, said], next: 9 } }, "go on"],
    [
      "where the group is, when others moved it",
      { ...facts, mine: { said: [{ offset: 4, metadata: "" }], next: 9 } },
      said,
    ],
    ["where the group is, when it has nothing", { ...facts, mine: undefined }, said],
    ["at its beginning, when the group said nothing", { ...facts, committed: undefined }, { offset: 20, metadata: "" }],
    ["at the first that is kept, when older ones are gone", { ...facts, low: 10 }, { offset: 10, metadata: "" }],
    ["at the first there is, when the topic was made anew", { ...facts, high: 3 }, { offset: 0, metadata: "" }],
  ])("%s", (_, given, wanted) => {
    const choice = choosePosition(given);
    expect(choice.kind === "go on" ? "go on" : choice.position).toEqual(wanted);
  });
});
