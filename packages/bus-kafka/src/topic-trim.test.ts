import { expect, test } from "@jest/globals";
import { lowestOf, removableUpTo } from "./topic-trim.ts";

const at = (...offsets: readonly number[]) =>
  new Map(offsets.map((offset, partition) => [partition, { offset, metadata: "" }]));
const ends = new Map([
  [0, { low: 5, high: 50 }],
  [1, { low: 0, high: 50 }],
]);

test("the slowest reader counts, and a partition in which one has no place is left alone", () => {
  expect([...lowestOf([at(10, 20), at(30, 15)])]).toEqual([
    [0, 10],
    [1, 15],
  ]);
  expect([...lowestOf([at(10, 20), at(30)])]).toEqual([[0, 10]]);
  expect([...lowestOf([])]).toEqual([]);
});

test.each([
  { what: "nothing at the first look", before: new Map(), floors: new Map([[0, 20]]), wanted: [] },
  { what: "what was finished at both", before: new Map([[0, 20]]), floors: new Map([[0, 40]]), wanted: ["0: 20"] },
  {
    what: "no more than now, had a place gone back",
    before: new Map([[0, 20]]),
    floors: new Map([[0, 12]]),
    wanted: ["0: 12"],
  },
  { what: "nothing that is gone already", before: new Map([[0, 5]]), floors: new Map([[0, 5]]), wanted: [] },
  { what: "nothing where nobody has a place any more", before: new Map([[0, 20]]), floors: new Map(), wanted: [] },
  {
    what: "nothing before a reader at the beginning",
    before: new Map([[1, 20]]),
    floors: new Map([[1, -2]]),
    wanted: [],
  },
  { what: "nothing beyond the end", before: new Map([[1, 90]]), floors: new Map([[1, 90]]), wanted: ["1: 50"] },
])("removes $what", ({ before, floors, wanted }) => {
  const removable = removableUpTo({ before, floors, ends });
  expect(removable.map(({ partition, offset }) => `${partition}: ${offset}`)).toEqual(wanted);
});
