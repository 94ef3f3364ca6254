import type { Clock } from "../clock.ts";

/** A clock that jumps from timer to timer. */
export interface VirtualTime extends Clock {
  /** Lets everything happen until `untilMs`, or until nothing is left to happen. */
  runUntil(untilMs: number): Promise<void>;
}

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  /** Undefined once it was cancelled. */
  callback: (() => void) | undefined;
}

/** Starts at zero. Between two timers every promise that can settle does: nothing in the engine waits for real I/O. */
export function makeVirtualTime(): VirtualTime {
  /** A heap: each timer is due no later than the two at twice its place. */
  const heap: Timer[] = [];
  let nowMs = 0;
  let order = 0;
  return {
    nowMs: () => nowMs,
    setTimer(callback, delayMs) {
      order += 1;
      const timer: Timer = { dueMs: nowMs + Math.max(0, delayMs), order, callback };
      push(heap, timer);
      return () => {
        timer.callback = undefined;
      };
    },
    async runUntil(untilMs) {
      await turn();
      while (heap[0] !== undefined && heap[0].dueMs <= untilMs) {
        const { dueMs, callback } = pop(heap);
        if (callback === undefined) continue;
        nowMs = dueMs;
        callback();
        await turn();
      }
      nowMs = Math.max(nowMs, untilMs);
    },
  };
}

function isBefore(one: Timer | undefined, other: Timer | undefined): boolean {
  if (one === undefined || other === undefined) return one !== undefined;
  return one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.order < other.order);
}

function push(heap: Timer[], timer: Timer): void {
  let at = heap.length;
  while (at > 0) {
    const above = (at - 1) >> 1;
    const parent = heap[above];
    if (parent === undefined || isBefore(parent, timer)) break;
    heap[at] = parent;
    at = above;
  }
  heap[at] = timer;
}

/** Takes the first out of a heap that is not empty. */
function pop(heap: Timer[]): Timer {
  const first = heap[0];
  const last = heap.pop();
  if (first === undefined || last === undefined) throw new Error("no timer is left");
  if (heap.length === 0) return first;
  let at = 0;
  for (;;) {
    const left = 2 * at + 1;
    const next = isBefore(heap[left + 1], heap[left]) ? left + 1 : left;
    const child = heap[next];
    if (child === undefined || isBefore(last, child)) break;
    heap[at] = child;
    at = next;
  }
  heap[at] = last;
  return first;
}

/** Everything there runs on promises alone, and a tick comes when none of them is left. It is cheaper than the event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}
