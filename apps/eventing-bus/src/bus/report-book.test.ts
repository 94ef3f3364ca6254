import { expect, test } from "@jest/globals";
import { fakeClock } from "@kelvin/testkit";
import { openReportBook } from "./report-book.ts";

const serving = { generation: 1, state: "serving", message: "" } as const;

function open() {
  const clock = fakeClock();
  const book = openReportBook({ bus: "stub", replica: "r", boot: "b", clock });
  return { clock, book };
}

test("changes that come together make one new version, and wake who waits for it", async () => {
  const { clock, book } = open();
  const { version } = book.report();
  let isWoken = false;
  const waiting = book.changed(version, 10_000).then(() => (isWoken = true));
  book.setStream("s", serving);
  book.setConsumer("c", { ...serving, since: "x" });
  book.setCounts("c", { deadLetters: 2, backlog: 1 });
  await clock.advance(49);
  expect([isWoken, book.report().version]).toEqual([false, version]);
  await clock.advance(1);
  await waiting;
  expect(book.report()).toEqual({
    bus: "stub",
    replica: "r",
    version: "b-1",
    synced: false,
    trouble: null,
    streams: { s: serving },
    consumers: { c: { ...serving, since: "x", deadLetters: 2, backlog: 1 } },
  });
});

test("what changes nothing wakes nobody; who waits long enough is let go", async () => {
  const { clock, book } = open();
  book.setStream("s", serving);
  await clock.advance(50);
  const { version } = book.report();
  let isWoken = false;
  const waiting = book.changed(version, 10_000).then(() => (isWoken = true));
  book.setStream("s", { ...serving });
  book.setTrouble(null);
  book.forget("other");
  book.setCounts("nobody", { deadLetters: 1, backlog: 1 });
  await clock.advance(9_999);
  expect(isWoken).toBe(false);
  await clock.advance(1);
  await waiting;
  expect(book.report().version).toBe(version);
});

test("a new state keeps the counts; what is forgotten is gone with them", async () => {
  const { clock, book } = open();
  book.setConsumer("c", { ...serving, since: null });
  book.setCounts("c", { deadLetters: 2, backlog: 1 });
  book.setConsumer("c", { ...serving, generation: 2, since: null });
  expect(book.report().consumers["c"]).toMatchObject({ generation: 2, deadLetters: 2, backlog: 1 });
  book.forget("c");
  book.setConsumer("c", { ...serving, since: null });
  expect(book.report().consumers["c"]).toMatchObject({ deadLetters: 0, backlog: 0 });
  await clock.advance(50);
});

test("whoever does not know the latest version, and whoever asks a closed book, is answered at once", async () => {
  const { book, clock } = open();
  await book.changed("another", 10_000);
  const waiting = book.changed(book.report().version, 10_000);
  book.close();
  await waiting;
  await book.changed(book.report().version, 10_000);
  expect(clock.pendingTimers).toBe(0);
});
