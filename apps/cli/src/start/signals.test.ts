import { EventEmitter } from "node:events";
import { expect, test } from "@jest/globals";
import { followSignals } from "./signals.ts";

test("the first signal stops, an echo of it is ignored, a later one insists", () => {
  const source = new EventEmitter();
  let nowMs = 0;
  let insisted = 0;
  const signals = followSignals(source, () => nowMs);
  signals.onSecond(() => {
    insisted += 1;
  });
  expect(signals.stopped.aborted).toBe(false);
  source.emit("SIGINT");
  expect(signals.stopped.aborted).toBe(true);
  // npm passes on the Ctrl-C that the terminal has sent to all.
  nowMs = 100;
  source.emit("SIGINT");
  expect(insisted).toBe(0);
  nowMs = 1_500;
  source.emit("SIGTERM");
  expect(insisted).toBe(1);
  signals.close();
  expect(source.listenerCount("SIGINT")).toBe(0);
});
