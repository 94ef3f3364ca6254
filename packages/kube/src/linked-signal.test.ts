import { expect, test } from "@jest/globals";
import { linkSignals } from "./linked-signal.ts";

test("a linked signal aborts with the first of its sources, for its reason", () => {
  const [first, second] = [new AbortController(), new AbortController()];
  const linked = linkSignals(first.signal, undefined, second.signal);
  second.abort(new Error("second"));
  first.abort(new Error("first"));
  expect(linked.signal.reason).toEqual(new Error("second"));
  expect(linkSignals(first.signal).signal.aborted).toBe(true);
});

test("it can be aborted alone, and follows nothing once unlinked", () => {
  const source = new AbortController();
  const linked = linkSignals(source.signal);
  linked.abort("alone");
  expect([linked.signal.reason, source.signal.aborted]).toEqual(["alone", false]);
  const unlinked = linkSignals(source.signal);
  unlinked.unlink();
  source.abort();
  expect(unlinked.signal.aborted).toBe(false);
});
