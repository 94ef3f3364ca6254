import { describe, expect, test } from "@jest/globals";
import {
  decideContainer,
  newContainerRecord,
  recordBackoff,
  recordExit,
  recordFailure,
  recordProbe,
  recordStart,
  type ContainerRecord,
  type Termination,
} from "./container-record.ts";

const termination = (exitCode: number): Termination => ({
  id: "one",
  exitCode,
  reason: exitCode === 0 ? "Completed" : "Error",
  startedAt: "2026-01-01T00:00:00Z",
  finishedAt: "2026-01-01T00:00:01Z",
});

const started = (record: ContainerRecord, startedMs: number): ContainerRecord =>
  recordStart(record, { id: "one", startedAt: "2026-01-01T00:00:00Z", startedMs });

/** The record of a container that crashes `times` times, each time as soon as it may run. */
function crashing(times: number): { record: ContainerRecord; pausesMs: number[] } {
  let record = newContainerRecord("app");
  let nowMs = 0;
  const pausesMs: number[] = [];
  for (let run = 0; run < times; run += 1) {
    record = recordExit(started(record, nowMs), termination(1), nowMs);
    const decision = decideContainer(record, "Always", nowMs);
    pausesMs.push(decision.do === "wait" ? decision.delayMs : 0);
    nowMs = record.restartAtMs;
  }
  return { record, pausesMs };
}

describe("decideContainer", () => {
  const exited = (exitCode: number): ContainerRecord =>
    recordExit(started(newContainerRecord("app"), 0), termination(exitCode), 5);

  test.each([
    ["a new container starts", newContainerRecord("app"), "Always", "start"],
    ["a running one is left alone", started(newContainerRecord("app"), 0), "Always", "nothing"],
    ["a finished one starts again under Always", exited(0), "Always", "start"],
    ["a finished one rests under OnFailure", exited(0), "OnFailure", "nothing"],
    ["a failed one starts again under OnFailure", exited(1), "OnFailure", "start"],
    ["a failed one rests under Never", exited(1), "Never", "nothing"],
  ] as const)("%s", (...[, record, policy, wanted]) => {
    expect(decideContainer(record, policy, 5).do).toBe(wanted);
  });

  test("the first restart is immediate, then pauses double from 10 s to 5 min", () => {
    expect(crashing(8).pausesMs).toEqual([0, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]);
  });

  test("ten minutes of running earn an immediate restart again", () => {
    const { record } = crashing(4);
    const nowMs = record.restartAtMs + 600_000;
    const crashed = recordExit(started(record, record.restartAtMs), termination(1), nowMs);
    expect(decideContainer(crashed, "Always", nowMs)).toEqual({ do: "start" });
  });

  test("waiting out a back-off ends in a start", () => {
    const crashed = crashing(2).record;
    const waiting = recordBackoff(crashed, 10_000, "p_ns(uid)");
    expect(waiting.state).toEqual({
      phase: "waiting",
      reason: "CrashLoopBackOff",
      message: "back-off 10s restarting failed container=app pod=p_ns(uid)",
    });
    expect(decideContainer(waiting, "Always", crashed.restartAtMs - 1)).toEqual({ do: "wait", delayMs: 1 });
    expect(decideContainer(waiting, "Always", crashed.restartAtMs)).toEqual({ do: "start" });
  });

  test("an image that cannot be pulled is tried after 10 s, then 20 s; what is only late sooner", () => {
    const pull = { reason: "ErrImagePull", message: "no" };
    const once = recordFailure(newContainerRecord("app"), pull, 0);
    expect(decideContainer(once, "Never", 0)).toEqual({ do: "wait", delayMs: 10_000 });
    expect(decideContainer(recordFailure(once, pull, 0), "Never", 0)).toEqual({ do: "wait", delayMs: 20_000 });
    const late = { reason: "CreateContainerConfigError", message: 'configmap "x" not found' };
    expect(decideContainer(recordFailure(newContainerRecord("app"), late, 0), "Always", 0)).toEqual({
      do: "wait",
      delayMs: 250,
    });
  });
});

describe("restart count", () => {
  test("counts starts after an end, not failures to start", () => {
    const failed = recordFailure(newContainerRecord("app"), { reason: "ErrImagePull", message: "no" }, 0);
    const first = started(failed, 0);
    expect(first.restartCount).toBe(0);
    expect(started(recordExit(first, termination(1), 1), 2).restartCount).toBe(1);
  });
});

test("probes change a running container only", () => {
  const fresh = newContainerRecord("app");
  expect(recordProbe(fresh, { isReady: true })).toBe(fresh);
  expect(recordProbe(started(fresh, 0), { isReady: true }).state).toMatchObject({ isReady: true, isStarted: false });
});
