import { expect, test } from "@jest/globals";
import { busView, fakeBuses, served } from "../../test/fake-buses.ts";
import { decideServing, type Serving } from "./serving.ts";

const decide = (...view: Parameters<typeof busView>): Serving =>
  decideServing({
    buses: fakeBuses({ nats: busView(...view) }).watch,
    bus: "nats",
    what: "stream",
    uid: "a",
    generation: 2,
  });

test.each<[string, Serving, object]>([
  ["serves its generation", decide({ a: served({ generation: 2 }) }), { kind: "serving" }],
  ["serves a later one, which we have not seen yet", decide({ a: served({ generation: 3 }) }), { kind: "serving" }],
  [
    "serves an earlier one",
    decide({ a: served({ generation: 1 }) }),
    { kind: "waiting", message: 'Not every replica of bus "nats" serves this generation yet' },
  ],
  [
    "does not know it, and does not answer",
    decide({}, { silent: ["nats-1"] }),
    {
      kind: "waiting",
      message: 'Not every replica of bus "nats" serves this generation yet; these do not answer: nats-1',
    },
  ],
  ["has removed it", decide({ a: served({ generation: 2, state: "removed" }) }), { kind: "waiting" }],
  [
    "cannot serve it",
    decide({ a: served({ generation: 2, state: "failed", message: "no room" }) }),
    { kind: "failed", message: 'Bus "nats" failed: no room' },
  ],
  [
    "has lost its broker",
    decide({ a: served({ generation: 2 }) }, { trouble: "connection refused" }),
    { kind: "failed", message: 'Bus "nats" cannot reach its broker: connection refused' },
  ],
])("a bus that %s", (_what, serving, want) => {
  expect(serving).toMatchObject(want);
});

test("a bus that is not there is told from those that are", () => {
  const question = { bus: "kafka", what: "consumer", uid: "a", generation: 1 } as const;
  expect(decideServing({ ...question, buses: fakeBuses({ nats: busView({}), stub: busView({}) }).watch })).toEqual({
    kind: "absent",
    message: 'No replica of bus "kafka" is known; buses that are there: nats, stub',
  });
});
