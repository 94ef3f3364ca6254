import { expect, test } from "@jest/globals";
import { readSince, writeSince } from "./since.ts";

const stream = { uid: "1b4e-28ba", life: "boot-7" };

test("a place is read as it was written", () => {
  expect(readSince(stream, writeSince(stream, "12.5/3"))).toBe("12.5/3");
});

test.each([
  ["another Broker of the name", writeSince({ ...stream, uid: "other" }, "12")],
  ["a bus in memory that was started again", writeSince({ ...stream, life: "boot-8" }, "12")],
  ["somebody who wrote something else", "12"],
  ["nobody", ""],
])("a place from %s leaves the whole stream", (_, text) => {
  expect(readSince(stream, text)).toBeUndefined();
});
