import { expect, test } from "@jest/globals";
import type { BusReport, ServedConsumer } from "../../model/report.ts";
import { makeBusView, type Replica } from "./bus-view.ts";

const served = (changes: Partial<ServedConsumer> = {}): ServedConsumer => ({
  generation: 2,
  state: "serving",
  message: "",
  since: null,
  deadLetters: 0,
  backlog: 0,
  ...changes,
});
const replica = (pod: string, consumers: BusReport["consumers"], changes: Partial<Replica> = {}): Replica => ({
  pod,
  report: { bus: "nats", replica: pod, version: "1", synced: true, trouble: null, streams: consumers, consumers },
  isSilent: false,
  ...changes,
});

test("the lowest generation, the first place, letters once and waiting events together", () => {
  const view = makeBusView([
    replica("a", { c: served({ generation: 3, deadLetters: 4, backlog: 1 }) }),
    replica("b", { c: served({ since: "x", deadLetters: 3, backlog: 2 }) }),
  ]);
  expect(view.consumer("c")).toEqual(served({ generation: 2, since: "x", deadLetters: 4, backlog: 3 }));
  expect([view.replicas, view.silent, view.trouble]).toEqual([2, [], undefined]);
});

test("what one replica does not know of is not known", () => {
  const view = makeBusView([replica("a", { c: served() }), replica("b", {})]);
  expect([view.consumer("c"), view.stream("c"), view.consumer("other")]).toEqual([undefined, undefined, undefined]);
});

test("a replica that is ready and was not heard yet leaves nothing known", () => {
  const unheard: Replica = { pod: "b", report: undefined, isSilent: true };
  const view = makeBusView([replica("a", { c: served() }), unheard]);
  expect([view.consumer("c"), view.silent]).toEqual([undefined, ["b"]]);
});

test.each([
  [["serving", "serving"], "serving", ""],
  [["serving", "failed"], "failed", "why"],
  [["removed", "failed"], "failed", "why"],
  [["removed", "serving"], "serving", ""],
  [["removed", "removed"], "removed", ""],
] as const)("%j together are %s", (states, state, message) => {
  const replicas = states.map((one, index) =>
    replica(`r${index}`, { c: served({ state: one, message: one === "failed" ? "why" : "" }) }),
  );
  expect(makeBusView(replicas).stream("c")).toMatchObject({ state, message });
});

test("the broker that is away, as one replica sees it", () => {
  const well = replica("a", {});
  const report = { ...replica("b", {}).report, trouble: { sinceMs: 1, reason: "lost nats" } } as BusReport;
  expect(makeBusView([well, { pod: "b", report, isSilent: false }]).trouble).toBe("lost nats");
});
