import type { Clock } from "@kelvin/kube";

/** How the queue delays and how much it holds. */
export interface WorkQueueOptions {
  clock: Clock;
  /** First delay after a failure; doubles with each. Default 5 ms. */
  retryMsMin?: number;
  /** Default 60 s. */
  retryMsMax?: number;
  /** Keys that may wait at once; more set `onOverflow` off once there is room again. Default 100 000. */
  depthMax?: number;
  /** Called when keys were turned away and the queue has emptied: enqueue all there is. */
  onOverflow?: () => void;
  onDepth?: (depth: number) => void;
}

/**
 * Keys to work on. A key waits at most once; while it is worked on it is not given out again, and if it is added
 * meanwhile it is given out once more afterwards. So a key's reconciles never overlap and no change is missed.
 */
export interface WorkQueue {
  add(key: string): void;
  /** Adds the key after the delay. Of several, the soonest counts. */
  addAfter(key: string, delayMs: number): void;
  /** Adds the key after its backoff, which grows with each call until `forget`. Returns the delay. */
  addAfterFailure(key: string): number;
  /** Starts the key's backoff over. */
  forget(key: string): void;
  /** The next key and when it was added; undefined once the queue is closed. Call `done` when finished with it. */
  next(): Promise<QueuedKey | undefined>;
  done(key: string): void;
  /** Keys that wait to be given out now. */
  readonly depth: number;
  /** Drops what waits; `next` gives undefined from now on. */
  close(): void;
}

/** A key given out, with the monotonic instant at which it was added. */
export interface QueuedKey {
  readonly key: string;
  readonly addedMs: number;
}

interface Delayed {
  dueMs: number;
  cancel: () => void;
}

interface State {
  /** Insertion order is the order of service. */
  waiting: Map<string, number>;
  active: Set<string>;
  /** Added while active. */
  again: Map<string, number>;
  delayed: Map<string, Delayed>;
  failures: Map<string, number>;
  takers: ((key: QueuedKey | undefined) => void)[];
  isClosed: boolean;
  hasOverflowed: boolean;
}

/** Makes an empty queue; `close` stops its timers. */
export function openWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { clock, retryMsMin = 5, retryMsMax = 60_000 } = options;
  const state = emptyState();
  const add = (key: string): void => addKey(state, options, key);

  const addAfter = (key: string, delayMs: number): void => {
    if (state.isClosed) return;
    if (delayMs <= 0) return add(key);
    const dueMs = clock.monotonicMs() + delayMs;
    const existing = state.delayed.get(key);
    if (existing !== undefined && existing.dueMs <= dueMs) return;
    existing?.cancel();
    const cancel = clock.setTimer(() => {
      state.delayed.delete(key);
      add(key);
    }, delayMs);
    state.delayed.set(key, { dueMs, cancel });
  };

  return {
    add,
    addAfter,
    addAfterFailure(key) {
      const failures = state.failures.get(key) ?? 0;
      state.failures.set(key, failures + 1);
      const delayMs = Math.min(retryMsMax, retryMsMin * 2 ** Math.min(failures, 30));
      addAfter(key, delayMs);
      return delayMs;
    },
    forget: (key) => {
      state.failures.delete(key);
    },
    next: () => nextKey(state, options),
    done(key) {
      state.active.delete(key);
      const addedMs = state.again.get(key);
      if (state.again.delete(key) && addedMs !== undefined) enqueue(state, options, { key, addedMs });
    },
    get depth() {
      return state.waiting.size;
    },
    close: () => closeState(state),
  };
}

function emptyState(): State {
  return {
    waiting: new Map(),
    active: new Set(),
    again: new Map(),
    delayed: new Map(),
    failures: new Map(),
    takers: [],
    isClosed: false,
    hasOverflowed: false,
  };
}

function addKey(state: State, options: WorkQueueOptions, key: string): void {
  if (state.isClosed) return;
  const addedMs = options.clock.monotonicMs();
  if (state.active.has(key)) {
    if (!state.again.has(key)) state.again.set(key, addedMs);
  } else if (!state.waiting.has(key)) enqueue(state, options, { key, addedMs });
}

function enqueue(state: State, options: WorkQueueOptions, queued: QueuedKey): void {
  const taker = state.takers.shift();
  if (taker !== undefined) {
    state.active.add(queued.key);
    taker(queued);
  } else if (state.waiting.size < (options.depthMax ?? 100_000)) {
    state.waiting.set(queued.key, queued.addedMs);
    options.onDepth?.(state.waiting.size);
  } else {
    state.hasOverflowed = true;
  }
}

function nextKey(state: State, options: WorkQueueOptions): Promise<QueuedKey | undefined> {
  if (state.isClosed) return Promise.resolve(undefined);
  if (state.waiting.size === 0 && state.hasOverflowed) {
    state.hasOverflowed = false;
    options.onOverflow?.();
  }
  const first = state.waiting.entries().next();
  if (first.done === true) return new Promise((resolve) => state.takers.push(resolve));
  const [key, addedMs] = first.value;
  state.waiting.delete(key);
  state.active.add(key);
  options.onDepth?.(state.waiting.size);
  return Promise.resolve({ key, addedMs });
}

function closeState(state: State): void {
  state.isClosed = true;
  for (const { cancel } of state.delayed.values()) cancel();
  state.delayed.clear();
  state.waiting.clear();
  state.again.clear();
  state.failures.clear();
  for (const taker of state.takers.splice(0)) taker(undefined);
}
