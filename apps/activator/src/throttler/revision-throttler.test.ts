import { describe, expect, test } from "@jest/globals";
import { cordonPatienceMs } from "./cordons.ts";
import type { PodSlots } from "./pod-slots.ts";
import { holdSettleMs, RevisionThrottler, type ThrottlerWorld } from "./revision-throttler.ts";
import type { Refusal, Waiter, WaitingLine } from "./waiting-line.ts";

type Pod = PodSlots<string>;

class FakeRequest implements Waiter<Pod> {
  deadlineMs: number;
  heldBytes = 1;
  line: WaitingLine<Pod> | undefined = undefined;
  ahead: Waiter<Pod> | undefined = undefined;
  behind: Waiter<Pod> | undefined = undefined;
  pod: Pod | undefined = undefined;
  refusal: Refusal | undefined = undefined;
  onGranted: ((pod: Pod) => void) | undefined = undefined;

  constructor(deadlineMs = Infinity) {
    this.deadlineMs = deadlineMs;
  }
  granted(pod: Pod): void {
    this.pod = pod;
    this.onGranted?.(pod);
  }
  refused(reason: Refusal): void {
    this.refusal = reason;
  }
}

function open(slotsPerPod: number | undefined, limits: Partial<ThrottlerWorld["limits"]> = {}, random = Math.random) {
  const clock = { nowMs: 0 };
  const totals = { waiters: 0, heldBytes: 0 };
  const world = {
    nowMs: () => clock.nowMs,
    random,
    limits: { waitersMaxPerRevision: 100, waitersMax: 1_000, heldBytesMax: 10_000, ...limits },
    totals,
  };
  const throttler = new RevisionThrottler<string>({ namespace: "default", revision: "r" }, world);
  throttler.setSlotsPerPod(slotsPerPod);
  const pod = (name: string, isOpen = true): Pod => throttler.setPod({ uid: name, name, upstream: name }, isOpen);
  const wait = (deadlineMs?: number): FakeRequest => {
    const request = new FakeRequest(deadlineMs);
    expect(throttler.wait(request)).toBe(true);
    return request;
  };
  return { throttler, clock, totals, pod, wait };
}

describe("taking a slot", () => {
  test("without a limit, the less loaded of two pods is taken", () => {
    const { throttler, pod } = open(0);
    const [a, b] = [pod("a"), pod("b")];
    for (let i = 0; i < 10; i++) throttler.tryTake();
    expect([a.inFlight, b.inFlight]).toEqual([5, 5]);
  });

  test("with a limit, a pod gets so many and the next request waits for a slot to come back", () => {
    const { throttler, pod, wait } = open(2);
    const a = pod("a");
    throttler.tryTake();
    throttler.tryTake();
    expect(throttler.tryTake()).toBeUndefined();
    const request = wait();
    expect(request.pod).toBeUndefined();
    throttler.giveBack(a);
    expect(request.pod).toBe(a);
    expect(a.inFlight).toBe(2);
  });

  test("a slot given back twice is an error, not a hole in the limit", () => {
    const { throttler, pod } = open(1);
    const a = pod("a");
    throttler.tryTake();
    throttler.giveBack(a);
    expect(() => throttler.giveBack(a)).toThrow("twice");
  });

  test("nothing is sent while the Revision is not known", () => {
    const { throttler, pod, wait } = open(undefined);
    const a = pod("a");
    expect(throttler.tryTake()).toBeUndefined();
    const request = wait();
    throttler.setSlotsPerPod(1);
    expect(request.pod).toBe(a);
  });

  test("a lowered limit counts what already runs", () => {
    const { throttler, pod } = open(0);
    const a = pod("a");
    for (let i = 0; i < 3; i++) throttler.tryTake();
    throttler.setSlotsPerPod(2);
    throttler.giveBack(a);
    expect(throttler.tryTake()).toBeUndefined();
    throttler.giveBack(a);
    expect(throttler.tryTake()).toBe(a);
  });
});

describe("waiting", () => {
  test("first come, first served", () => {
    const { throttler, pod, wait } = open(1);
    const requests = [wait(), wait(), wait()];
    const a = pod("a");
    expect(requests.map((request) => request.pod?.name)).toEqual(["a", undefined, undefined]);
    throttler.giveBack(a);
    expect(requests.map((request) => request.pod?.name)).toEqual(["a", "a", undefined]);
  });

  test("nobody overtakes the line", () => {
    const { throttler, wait } = open(0);
    wait();
    expect(throttler.tryTake()).toBeUndefined();
  });

  test("a full line refuses, by count and by bytes, of its own and of all", () => {
    expect(fillUp({ waitersMaxPerRevision: 3 })).toBe(3);
    expect(fillUp({ heldBytesMax: 4 })).toBe(4);
    expect(fillUp({ waitersMax: 5 })).toBe(5);
    function fillUp(limits: Partial<ThrottlerWorld["limits"]>): number {
      const { throttler } = open(0, limits);
      let count = 0;
      while (throttler.wait(new FakeRequest())) count++;
      return count;
    }
  });

  test("who hangs up leaves the line", () => {
    const { throttler, pod, wait, totals } = open(1);
    const [first, second] = [wait(), wait()];
    throttler.leave(first);
    const a = pod("a");
    expect(first.pod).toBeUndefined();
    expect(second.pod).toBe(a);
    throttler.leave(second);
    expect(throttler.meter).toMatchObject({ inFlight: 1, queued: 0, requestsEnded: 1 });
    expect(totals).toEqual({ waiters: 0, heldBytes: 0 });
  });

  test("a deadline ends the waiting", () => {
    const { throttler, clock, wait } = open(0);
    const [early, late] = [wait(100), wait(200)];
    clock.nowMs = 150;
    throttler.tick();
    expect([early.refusal, late.refusal]).toEqual(["timeout", undefined]);
    expect(throttler.meter).toMatchObject({ queued: 1, requestsEnded: 1 });
  });

  test("a request whose pod refused it stands first in line again", () => {
    const { throttler, pod, wait } = open(1);
    const [first, second] = [wait(), wait()];
    const a = pod("a");
    expect(first.pod).toBe(a);
    throttler.setEjected(a, true);
    throttler.giveBackUnseen(a, first);
    const b = pod("b");
    expect(first.pod).toBe(b);
    expect(second.pod).toBeUndefined();
    throttler.setEjected(a, false);
    expect(second.pod).toBe(a);
  });

  test("a pod that refuses at once within its grant does not break the loop", () => {
    const { throttler, pod, wait } = open(0);
    const request = wait();
    request.onGranted = (granted) => {
      request.onGranted = undefined;
      throttler.setEjected(granted, true);
      throttler.giveBackUnseen(granted, request);
    };
    const a = pod("a");
    expect(throttler.meter).toMatchObject({ inFlight: 0, queued: 1 });
    throttler.setEjected(a, false);
    expect(throttler.meter).toMatchObject({ inFlight: 1, queued: 0 });
  });
});

describe("pods that come and go", () => {
  test("a pod that is no longer open gets nothing new and keeps its count", () => {
    const { throttler, pod } = open(0);
    const a = pod("a");
    throttler.tryTake();
    pod("a", false);
    expect(throttler.tryTake()).toBeUndefined();
    expect(a.inFlight).toBe(1);
  });

  test("slots of a pod that is gone come back to nobody", () => {
    const { throttler, pod, wait } = open(1);
    const a = pod("a");
    throttler.tryTake();
    const request = wait();
    throttler.removePod("a");
    throttler.giveBack(a);
    expect(request.pod).toBeUndefined();
    expect(throttler.meter).toMatchObject({ inFlight: 0, queued: 1 });
  });

  test("a cordoned pod gets nothing new, even one that is named before it is known", () => {
    const { throttler, pod } = open(0);
    throttler.cordon(["a", "b"]);
    pod("a");
    expect(throttler.tryTake()).toBeUndefined();
    throttler.uncordon(["a"]);
    expect(throttler.tryTake()?.name).toBe("a");
    expect(throttler.inFlightByName(["a", "b"])).toEqual({ a: 1, b: 0 });
  });

  test("cordons that starve waiting requests are lifted after a while", () => {
    const { throttler, clock, pod, wait } = open(0);
    const a = pod("a");
    throttler.cordon(["a"]);
    const request = wait();
    throttler.tick();
    clock.nowMs = cordonPatienceMs - 1;
    throttler.tick();
    expect(request.pod).toBeUndefined();
    clock.nowMs = cordonPatienceMs;
    throttler.tick();
    expect(request.pod).toBe(a);
  });
});

describe("a hold before the scale to zero", () => {
  test("is refused while anything is in flight or queued", () => {
    const { throttler, pod } = open(0);
    const a = pod("a");
    throttler.tryTake();
    expect(throttler.hold()).toBe(false);
    throttler.giveBack(a);
    expect(throttler.hold()).toBe(true);
  });

  test("queues what comes, until the pods are seen to stay", () => {
    const { throttler, clock, pod, wait } = open(0);
    const a = pod("a");
    throttler.hold();
    expect(throttler.tryTake()).toBeUndefined();
    const request = wait();
    expect(throttler.hasUsablePod()).toBe(false);
    clock.nowMs = holdSettleMs;
    throttler.tick();
    expect(request.pod).toBe(a);
  });

  test("does not delay the pod that wakes the revision again", () => {
    const { throttler, pod, wait } = open(0);
    pod("a");
    throttler.hold();
    const request = wait();
    pod("a", false);
    expect(request.pod).toBeUndefined();
    const b = pod("b");
    expect(request.pod).toBe(b);
  });
});

test("concurrency is integrated exactly over waiting and running", () => {
  const { throttler, clock, pod, wait } = open(1);
  wait();
  clock.nowMs = 100;
  const a = pod("a");
  wait();
  clock.nowMs = 150;
  throttler.giveBack(a);
  clock.nowMs = 160;
  throttler.giveBack(a);
  clock.nowMs = 500;
  expect(throttler.meter.concurrencyMs(clock.nowMs)).toBe(100 + 2 * 50 + 10);
  expect(throttler.meter.requestsEnded).toBe(2);
});
