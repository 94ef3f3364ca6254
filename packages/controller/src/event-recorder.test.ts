import { describe, expect, test } from "@jest/globals";
import { CoreEvent, ForbiddenError, UnavailableError } from "@kelvin/kube";
import { fakeClock, namespace, openFakeKube, pod } from "@kelvin/testkit";
import type { FakeClock, FakeKube } from "@kelvin/testkit";
import { openEventRecorder } from "./event-recorder.ts";
import type { OpenEventRecorder } from "./event-recorder.ts";

interface World {
  kube: FakeKube;
  clock: FakeClock;
  recorder: OpenEventRecorder;
}

function open(): World {
  const clock = fakeClock();
  const kube = openFakeKube({ clock });
  return { clock, kube, recorder: openEventRecorder({ kube, clock, component: "test-controller" }) };
}

function told(kube: FakeKube): string[] {
  return kube.objects(CoreEvent).map(({ type, reason, message, count }) => `${type} ${reason} ${message} x${count}`);
}

describe("event recorder", () => {
  test("writes an Event as kubectl describe expects it", async () => {
    const { kube, recorder } = open();
    recorder.normal(pod("web"), "Started", 'Started container "c".');
    await recorder.flush();
    expect(kube.objects(CoreEvent)).toMatchObject([
      {
        metadata: { namespace: "default" },
        involvedObject: { apiVersion: "v1", kind: "Pod", namespace: "default", name: "web", uid: "uid-pod-web" },
        type: "Normal",
        reason: "Started",
        message: 'Started container "c".',
        count: 1,
        firstTimestamp: "2026-01-01T00:00:00Z",
        lastTimestamp: "2026-01-01T00:00:00Z",
        source: { component: "test-controller" },
      },
    ]);
    expect(kube.objects(CoreEvent)[0]?.metadata.name).toMatch(/^web\.[0-9a-f]+$/);
  });

  test("repetitions raise a count, within a turn and after hours", async () => {
    const { kube, clock, recorder } = open();
    for (let times = 0; times < 5; times += 1) recorder.warning(pod("web"), "BackOff", "again");
    await recorder.flush();
    expect(told(kube)).toEqual(["Warning BackOff again x5"]);
    await clock.advance(60_000);
    recorder.warning(pod("web"), "BackOff", "again");
    await recorder.flush();
    expect(told(kube)).toEqual(["Warning BackOff again x6"]);
    expect(kube.objects(CoreEvent)[0]?.lastTimestamp).toBe("2026-01-01T00:01:00Z");
  });

  test("an Event that has expired begins anew", async () => {
    const { kube, recorder } = open();
    recorder.normal(pod("web"), "Started", "m");
    await recorder.flush();
    const [stored] = kube.objects(CoreEvent);
    await kube.delete(CoreEvent, { namespace: "default", name: stored?.metadata.name ?? "" });
    recorder.normal(pod("web"), "Started", "m");
    await recorder.flush();
    expect(told(kube)).toEqual(["Normal Started m x1"]);
  });

  test("one noisy object is limited and others are not", async () => {
    const { kube, clock, recorder } = open();
    for (let index = 0; index < 100; index += 1) recorder.warning(pod("noisy"), "R", `attempt ${index}`);
    recorder.warning(pod("quiet"), "R", "once");
    await recorder.flush();
    expect(told(kube)).toHaveLength(26);
    await clock.advance(600_000);
    for (let index = 0; index < 10; index += 1) recorder.warning(pod("noisy"), "R", `later ${index}`);
    await recorder.flush();
    expect(told(kube)).toHaveLength(28);
  });

  test("what waits is limited while the API server is down, and written when it is back", async () => {
    const { kube, clock, recorder } = open();
    kube.intercept(() => Promise.reject(new UnavailableError("down")));
    for (let index = 0; index < 2000; index += 1) recorder.normal(pod(`p${index}`), "R", "m");
    await clock.settle();
    kube.intercept(undefined);
    await clock.advance(10_000);
    await recorder.flush();
    expect(told(kube)).toHaveLength(500);
  });

  test("a refused Event is given up at once, a long message is cut, a cluster-scoped object is told of in default", async () => {
    const { kube, recorder } = open();
    kube.intercept(() => Promise.reject(new ForbiddenError("terminating")));
    recorder.normal(pod("web"), "R", "m");
    await recorder.flush();
    kube.intercept(undefined);
    recorder.normal(namespace("ns"), "R", "x".repeat(3000));
    await recorder.flush();
    expect(kube.objects(CoreEvent)).toMatchObject([{ metadata: { namespace: "default" }, message: "x".repeat(1024) }]);
  });

  test("close writes what waits, but does not wait for ever", async () => {
    const { kube, clock, recorder } = open();
    recorder.normal(pod("web"), "R", "m");
    await recorder.close();
    expect(told(kube)).toHaveLength(1);
    recorder.normal(pod("late"), "R", "m");
    await recorder.flush();
    expect(told(kube)).toHaveLength(1);

    const stuck = open();
    stuck.kube.intercept(() => Promise.reject(new UnavailableError("down")));
    stuck.recorder.normal(pod("web"), "R", "m");
    const closing = stuck.recorder.close();
    await stuck.clock.advance(2000);
    await closing;
    expect([clock.pendingTimers, stuck.clock.pendingTimers]).toEqual([0, 0]);
  });
});
