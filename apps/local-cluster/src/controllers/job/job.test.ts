import { describe, expect, test } from "@jest/globals";
import type { Job, Pod } from "@kelvin/kube";
import { firstFreeIndexes, formatIndexes, parseIndexes } from "./completed-indexes.ts";
import { judgeFailure } from "./failure-policy.ts";
import { makeJobPod, trackingFinalizer } from "./job-pod.ts";
import { decidePods, type PodPlan } from "./pod-plan.ts";
import { makeJobStatus } from "./status.ts";
import { takeTally } from "./tally.ts";
import { decideVerdict } from "./verdict.ts";

const startTime = "2026-01-01T00:00:00Z";
const at = (seconds: number): Date => new Date(Date.parse(startTime) + seconds * 1000);

function job(spec: Partial<NonNullable<Job["spec"]>> = {}, status: Job["status"] = { startTime }): Job {
  const defaults = { completions: 1, parallelism: 1, backoffLimit: 6, completionMode: "NonIndexed" };
  const template = { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "i" }] } };
  return { metadata: { name: "j", namespace: "default", uid: "j" }, spec: { ...defaults, template, ...spec }, status };
}

interface PodFacts {
  phase?: string;
  index?: number;
  endedAfter?: number;
  isDeleted?: boolean;
  isTracked?: boolean;
  exitCode?: number;
  restartCount?: number;
}

function pod(uid: string, facts: PodFacts = {}): Pod {
  const preset = { phase: "Running", endedAfter: 0, isTracked: true, exitCode: 1, restartCount: 0 };
  const { phase, index, endedAfter, isDeleted, isTracked, exitCode, restartCount } = {
    ...preset,
    ...facts,
  } as PodFacts & typeof preset;
  const finishedAt = at(endedAfter).toISOString();
  const terminated = { exitCode: phase === "Succeeded" ? 0 : exitCode, finishedAt, startedAt: finishedAt };
  const isOver = phase === "Succeeded" || phase === "Failed";
  return {
    metadata: {
      name: uid,
      namespace: "default",
      uid,
      creationTimestamp: startTime,
      ...(isTracked && { finalizers: [trackingFinalizer] }),
      ...(isDeleted === true && { deletionTimestamp: startTime }),
      ...(index !== undefined && { annotations: { "batch.kubernetes.io/job-completion-index": String(index) } }),
    },
    spec: { nodeName: "n", containers: [{ name: "c" }] },
    status: {
      phase,
      containerStatuses: [
        { name: "c", image: "", imageID: "", ready: false, restartCount, state: isOver ? { terminated } : {} },
      ],
    },
  } as Pod;
}

function planOf(object: Job, pods: Pod[], seconds = 1000): string {
  const plan: PodPlan = decidePods(object, pods, { tally: takeTally(object, pods), nowMs: at(seconds).getTime() });
  if (plan.retryInMs !== undefined) return `wait ${plan.retryInMs / 1000}`;
  if (plan.remove.length > 0) return `remove ${plan.remove.map(({ metadata }) => metadata.uid).join(" ")}`;
  return plan.create.length === 0 ? "nothing" : `create ${plan.create.map((index) => index ?? "one").join(" ")}`;
}

describe("completed indexes", () => {
  test.each(["", "0", "0,1", "0-2", "0-2,4,5,7-9"])("%j is read and written alike", (text) => {
    expect(formatIndexes(parseIndexes(text))).toBe(text);
  });
  test("free ones are the lowest", () => {
    expect(firstFreeIndexes(3, 7, (index) => index % 2 === 0)).toEqual([1, 3, 5]);
  });
});

describe("decidePods", () => {
  const indexed = { completionMode: "Indexed", completions: 4, parallelism: 3 };
  const failed = (count: number, endedAfter: number): Pod[] =>
    Array.from({ length: count }, (_, number) => pod(`f${number}`, { phase: "Failed", endedAfter }));
  const rows: [name: string, spec: Partial<NonNullable<Job["spec"]>>, pods: Pod[], seconds: number, want: string][] = [
    ["as many as may run side by side", { completions: 5, parallelism: 2 }, [], 0, "create one one"],
    [
      "no more than are still needed",
      { completions: 2, parallelism: 5 },
      [pod("a", { phase: "Succeeded" })],
      0,
      "create one",
    ],
    ["without a number of completions, as many as side by side", { parallelism: 3 }, [], 0, "create one one one"],
    ["surplus goes", { completions: 1, parallelism: 1 }, [pod("a"), pod("b")], 0, "remove a"],
    ["suspended: all go", { suspend: true }, [pod("a")], 0, "remove a"],
    ["a failure is followed after 10 s", {}, failed(1, 0), 4, "wait 6"],
    ["the third failure after 40 s", {}, failed(3, 0), 10, "wait 30"],
    ["at most six minutes later", { backoffLimit: 99 }, failed(20, 0), 0, "wait 360"],
    ["then it is", {}, failed(1, 0), 10, "create one"],
    ["the lowest free indexes", indexed, [pod("a", { index: 1 })], 0, "create 0 2"],
    ["not those that are done", indexed, [pod("a", { index: 0, phase: "Succeeded" })], 0, "create 1 2 3"],
    ["not twice the same", indexed, [pod("a", { index: 1 }), pod("b", { index: 1 })], 0, "remove b"],
    [
      "one that is being deleted is replaced at once",
      {},
      [pod("a", { isDeleted: true, isTracked: false })],
      0,
      "create one",
    ],
    [
      "or once it has ended, if so asked",
      { podReplacementPolicy: "Failed" },
      [pod("a", { isDeleted: true })],
      0,
      "nothing",
    ],
  ];
  test.each(rows)("%s", (...row) => {
    const [, spec, pods, seconds, want] = row;
    const base = job(spec);
    if (spec.parallelism !== undefined && spec.completions === undefined) delete base.spec?.completions;
    expect(planOf(base, pods, seconds)).toBe(want);
  });
});

describe("takeTally", () => {
  test("a pod is noted while it has its finalizer, counted when it has none, and never twice", () => {
    const object = job({ completions: 3 });
    const ended = pod("a", { phase: "Succeeded" });
    const first = takeTally(object, [ended]);
    expect(first).toMatchObject({ succeeded: 1, counted: { succeeded: 0 }, uncounted: { succeeded: ["a"] } });
    const noted = job({ completions: 3 }, { startTime, uncountedTerminatedPods: { succeeded: ["a"] } });
    expect(takeTally(noted, [ended])).toMatchObject({ succeeded: 1, uncounted: { succeeded: ["a"] } });
    const released = pod("a", { phase: "Succeeded", isTracked: false });
    for (const pods of [[released], []]) {
      expect(takeTally(noted, pods)).toMatchObject({ succeeded: 1, counted: { succeeded: 1 } });
    }
    const counted = job({ completions: 3 }, { startTime, succeeded: 1, uncountedTerminatedPods: {} });
    expect(takeTally(counted, [released])).toMatchObject({ succeeded: 1, counted: { succeeded: 1 }, releasable: [] });
  });

  test("what the failure policy ignores is let go of and not counted", () => {
    const rules = [{ action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] }];
    const evicted = pod("a", { phase: "Failed" });
    evicted.status = { ...evicted.status, conditions: [{ type: "DisruptionTarget", status: "True" }] };
    const tally = takeTally(job({ podFailurePolicy: { rules } }), [evicted]);
    expect(tally).toMatchObject({ failed: 0, releasable: [evicted] });
  });

  test("at most 500 are noted at once, and the rest waits", () => {
    const pods = Array.from({ length: 501 }, (_, number) => pod(`p${number}`, { phase: "Succeeded" }));
    const tally = takeTally(job({ completions: 501 }), pods);
    expect(tally).toMatchObject({ succeeded: 500, isWhole: false });
    expect(tally.releasable).toHaveLength(500);
  });
});

describe("decideVerdict", () => {
  const verdictOf = (object: Job, pods: Pod[], seconds = 0): string | undefined =>
    decideVerdict(object, takeTally(object, pods), { now: at(seconds), isSettled: true })?.reason;
  const succeeded = pod("s", { phase: "Succeeded" });
  const failed = pod("f", { phase: "Failed" });
  const onFailure = { template: { spec: { restartPolicy: "OnFailure", containers: [] } } };
  const rows: [name: string, object: Job, pods: Pod[], seconds: number, want: string | undefined][] = [
    ["nothing yet", job(), [pod("a")], 0, undefined],
    ["enough have ended well", job(), [succeeded], 0, "CompletionsReached"],
    ["not while one runs", job(), [succeeded, pod("a")], 0, undefined],
    ["nothing to do", job({ completions: 0 }), [], 0, "CompletionsReached"],
    ["too many have failed", job({ backoffLimit: 0 }), [failed], 0, "BackoffLimitExceeded"],
    ["as many as may", job({ backoffLimit: 1 }), [failed], 0, undefined],
    [
      "too many restarts",
      job({ ...onFailure, backoffLimit: 2 }),
      [pod("a", { restartCount: 2 })],
      0,
      "BackoffLimitExceeded",
    ],
    ["a restart too few", job({ ...onFailure, backoffLimit: 2 }), [pod("a", { restartCount: 1 })], 0, undefined],
    ["out of time", job({ activeDeadlineSeconds: 5 }), [pod("a")], 5, "DeadlineExceeded"],
    ["in time", job({ activeDeadlineSeconds: 5 }), [pod("a")], 4, undefined],
    ["time stands still while suspended", job({ activeDeadlineSeconds: 5, suspend: true }), [], 9, undefined],
  ];
  test.each(rows)("%s", (...row) => {
    const [, object, pods, seconds, want] = row;
    expect(verdictOf(object, pods, seconds)).toBe(want);
  });

  test("what was decided stays, and is told as over only when nothing is left", () => {
    const reason = { status: "True", reason: "DeadlineExceeded", message: "late" };
    const object = job({}, { startTime, conditions: [{ type: "FailureTarget", ...reason }] });
    const tally = takeTally(object, [succeeded]);
    const verdict = decideVerdict(object, tally, { now: at(0), isSettled: true });
    expect(verdict).toMatchObject({ type: "FailureTarget", reason: "DeadlineExceeded" });
    const typesOf = (isDrained: boolean): (string | undefined)[] =>
      (makeJobStatus(object, tally, { verdict, isDrained, activeCount: 0, now: at(9) }).conditions ?? []).map(
        ({ type }) => type,
      );
    expect([typesOf(false), typesOf(true)]).toEqual([["FailureTarget"], ["FailureTarget", "Failed"]]);
  });
});

describe("judgeFailure", () => {
  const withRule = (operator: string, values: number[]): Job =>
    job({ podFailurePolicy: { rules: [{ action: "FailJob", onExitCodes: { operator, values } }] } });
  test.each([
    ["In", [3, 4], 3, "FailJob"],
    ["In", [4], 3, "Count"],
    ["NotIn", [4], 3, "FailJob"],
    ["NotIn", [3], 3, "Count"],
    ["NotIn", [3], 0, "Count"],
  ])("%s %j with exit code %i: %s", (...row) => {
    const [operator, values, exitCode, want] = row;
    const verdict = judgeFailure(withRule(operator, values), pod("a", { phase: "Failed", exitCode }));
    expect(verdict.action).toBe(want);
  });
});

test("a pod of an Indexed Job knows its index by label, annotation, name, hostname and environment", () => {
  const made = makeJobPod(job({ completionMode: "Indexed" }), 3, () => 0);
  const key = "batch.kubernetes.io/job-completion-index";
  expect(made.metadata).toMatchObject({
    name: "j-3-bbbbb",
    labels: { [key]: "3" },
    annotations: { [key]: "3" },
    finalizers: [trackingFinalizer],
  });
  expect(made.spec).toMatchObject({ hostname: "j-3", containers: [{ env: [{ name: "JOB_COMPLETION_INDEX" }] }] });
});
