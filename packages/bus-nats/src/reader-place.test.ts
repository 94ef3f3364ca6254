import { describe, expect, test } from "@jest/globals";
import { makeReaderPlace } from "./reader-place.ts";
import type { HeldMessage, ReaderPlace } from "./reader-place.ts";

const CREATED = "2026-01-01";

function delivery(sequence: number, change: Partial<HeldMessage> = {}): HeldMessage {
  return { sequence, acceptedAtMs: sequence, reply: `reply ${sequence}`, isSure: true, ...change };
}

function come(place: ReaderPlace, sequence: number): HeldMessage {
  return place.receive(delivery(sequence)).message;
}

/** What the server says: handed out up to there, so many of them unacknowledged. */
function word(deliveredSequence: number, unacknowledgedCount: number, created = CREATED) {
  return { deliveredSequence, unacknowledgedCount, created };
}

describe("what a process knows of a reader's place", () => {
  test("with nothing unacknowledged, all that was handed out is finished", () => {
    const place = makeReaderPlace();
    place.learn(word(7, 0));
    expect(place.floorSequence).toBe(7);
  });

  test("when what is held is all there is, what lies below it is finished", () => {
    const place = makeReaderPlace();
    const messages = [1, 2, 3, 4, 5].map((sequence) => come(place, sequence));
    for (const index of [0, 1, 3]) place.finish(messages[index]!);
    place.learn(word(5, 2));
    expect(place.floorSequence).toBe(2);
  });

  test("while somebody else holds one, nothing is known", () => {
    const place = makeReaderPlace();
    come(place, 5);
    place.learn(word(6, 2));
    expect(place.floorSequence).toBe(0);
  });

  test("what was on its way when the server was asked completes the count", () => {
    const place = makeReaderPlace();
    place.finish(come(place, 1));
    come(place, 4);
    place.learn(word(4, 3));
    expect(place.floorSequence).toBe(0);
    place.finish(come(place, 5));
    come(place, 2);
    expect(place.floorSequence).toBe(0);
    come(place, 3);
    expect(place.floorSequence).toBe(1);
  });

  test("what was given back may be anybody's, until it comes again", () => {
    const place = makeReaderPlace();
    // Ours goes to another process and is finished there; the one that counts as unacknowledged is that process's.
    place.release(come(place, 9));
    place.learn(word(9, 1));
    expect(place.floorSequence).toBe(0);
    come(place, 9);
    place.learn(word(9, 1));
    expect(place.floorSequence).toBe(8);
  });

  test("after a silence, what is held counts only once it came again", () => {
    const place = makeReaderPlace();
    come(place, 3);
    place.learn(word(4, 2));
    place.doubt();
    come(place, 4);
    place.learn(word(4, 1));
    expect(place.floorSequence).toBe(3);
    const other = makeReaderPlace();
    come(other, 3);
    other.doubt();
    other.learn(word(4, 1));
    expect(other.floorSequence).toBe(0);
  });

  test("what was on its way for so long that it may be another's by now counts as seen by nobody", () => {
    const place = makeReaderPlace();
    place.learn(word(4, 1));
    place.receive(delivery(3, { isSure: false }));
    expect(place.floorSequence).toBe(0);
    place.learn(word(4, 1));
    expect(place.floorSequence).toBe(0);
  });

  test("what a lost connection was told is not completed over the next one", () => {
    const place = makeReaderPlace();
    place.learn(word(4, 1));
    place.interrupt();
    come(place, 3);
    expect(place.floorSequence).toBe(0);
    place.learn(word(4, 1));
    expect(place.floorSequence).toBe(2);
  });

  test("a server that counts fewer than are held has forgotten some, and proves nothing", () => {
    const place = makeReaderPlace();
    come(place, 3);
    come(place, 4);
    place.learn(word(4, 1));
    expect(place.floorSequence).toBe(0);
  });

  test("a place that the server lost does not lower the floor", () => {
    const place = makeReaderPlace();
    place.learn(word(7, 0));
    place.learn(word(0, 0));
    expect(place.floorSequence).toBe(7);
  });

  test("what is finished is known when it comes again, below the floor and above", () => {
    const place = makeReaderPlace();
    const messages = [1, 2, 3].map((sequence) => come(place, sequence));
    place.finish(messages[0]!);
    place.finish(messages[2]!);
    place.learn(word(3, 1));
    const kinds = [1, 2, 3].map((sequence) => place.receive(delivery(sequence, { reply: "again" })).kind);
    expect(kinds).toEqual(["finished", "held", "finished"]);
    expect(messages[1]).toMatchObject({ reply: "again", isSure: true });
  });

  test("a consumer or a stream that was made anew under the same name begins anew", () => {
    const place = makeReaderPlace();
    for (const sequence of [1, 2]) place.finish(come(place, sequence));
    place.learn(word(2, 0));
    // The stream's first message again, and younger than all that were finished.
    expect(place.receive(delivery(1, { acceptedAtMs: 50 })).kind).toBe("new");
    place.learn(word(1, 1, "2026-01-02"));
    expect(place.floorSequence).toBe(0);
    expect(place.receive(delivery(2)).kind).toBe("new");
  });
});
