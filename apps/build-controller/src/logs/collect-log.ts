import { makeBackoff, NotFoundError, toError, type CallPlaces, type Clock, type PodLogs } from "@kelvin/kube";
import type { Log } from "@kelvin/controller";
import { makeResume } from "./log-end.ts";
import { splitLogLines } from "./log-lines.ts";
import type { LogName, LogStore, LogWriter } from "./log-store.ts";
import type { Mask } from "./mask.ts";

/** How a container stands, as far as its output goes. */
export type OutputState = "running" | "ended" | "gone";

export interface CollectDeps {
  readonly podLogs: PodLogs;
  readonly store: LogStore;
  readonly clock: Clock;
  readonly log: Log;
  /** How the container stands now. */
  readonly stateOf: () => OutputState;
  /** What must not be kept. May take a while and may fail. */
  readonly mask: () => Promise<Mask>;
  readonly bytesMax: () => number;
  /** How many logs of containers that have ended are read at once. */
  readonly places: CallPlaces;
}

/** One container's output on its way into the store. */
export interface Collector {
  /** Resolves when all of it is kept, or nothing more can be. Never rejects. */
  readonly done: Promise<void>;
  /** Resolves once all that was written before is kept, or cannot be. Never rejects. */
  catchUp(): Promise<void>;
}

/** Many lines are one write. */
const batchLinesMax = 500;
const retryMsMax = 10_000;

/**
 * Begins to collect. It follows the container, goes on after broken connections and after a restart of this process from the
 * last line that is kept, and ends with the container.
 */
export function collectLog(name: LogName, deps: CollectDeps, signal: AbortSignal): Collector {
  const waiters: (() => void)[] = [];
  let interrupt = new AbortController();
  const settleWaiters = (): void => waiters.splice(0).forEach((settle) => settle());
  const run = async (): Promise<void> => {
    const backoff = makeBackoff(100, retryMsMax);
    while (!signal.aborted) {
      interrupt = new AbortController();
      const asked = waiters.splice(0);
      try {
        const isOver = await collectOnce(name, deps, {
          signal: AbortSignal.any([signal, interrupt.signal]),
          follow: asked.length === 0,
        });
        asked.forEach((settle) => settle());
        if (isOver) return;
        backoff.reset();
        // A container that has just started may not have told anybody yet.
        if (asked.length === 0 && !interrupt.signal.aborted) await deps.clock.sleep(200, signal);
      } catch (error) {
        asked.forEach((settle) => settle());
        if (interrupt.signal.aborted) continue;
        deps.log.warn({ err: toError(error), ...name }, "Collecting a log failed, trying again");
        await deps.clock.sleep(backoff.nextMs(), AbortSignal.any([signal, interrupt.signal]));
      }
    }
  };
  const done = run().finally(settleWaiters);
  return {
    done,
    catchUp() {
      const caughtUp = new Promise<void>((resolve) => waiters.push(resolve));
      interrupt.abort();
      return Promise.race([caughtUp, done]);
    },
  };
}

/** Reads until the stream ends. Tells whether the log is complete. */
async function collectOnce(
  name: LogName,
  deps: CollectDeps,
  { signal, follow }: { readonly signal: AbortSignal; readonly follow: boolean },
): Promise<boolean> {
  // Asked before reading: what ends meanwhile is read once more, and what had ended is read whole.
  const isRunning = deps.stateOf() === "running";
  // Those that run are as many as there are Pods; of those that have ended, any number may wait after a restart.
  const giveBack = isRunning ? undefined : await deps.places.take(signal);
  const writer = await deps.store.open(name);
  try {
    if (writer.end.isComplete) return true;
    const isFull = await readInto(writer, name, { ...deps, signal, follow: follow && isRunning, isRunning });
    if (!isFull && isRunning) return false;
    await writer.complete();
    return true;
  } catch (error) {
    // The log goes with the Pod: whatever is not kept by now never will be.
    if (!(error instanceof NotFoundError) && (deps.stateOf() !== "gone" || signal.aborted)) throw error;
    await writer.complete();
    return true;
  } finally {
    await writer.close();
    giveBack?.();
  }
}

interface Reading extends CollectDeps {
  readonly signal: AbortSignal;
  readonly follow: boolean;
  readonly isRunning: boolean;
}

/** Appends what is new. Tells whether the limit was reached. */
async function readInto(writer: LogWriter, { namespace, pod, container }: LogName, deps: Reading): Promise<boolean> {
  const { podLogs, signal, follow, isRunning } = deps;
  const mask = await deps.mask();
  const isNew = makeResume(writer.end);
  const sinceTime = sinceTimeOf(writer.end.lastTime);
  const stream = podLogs.openLog(
    { namespace, pod, container },
    { follow, timestamps: true, signal, ...(sinceTime === undefined ? {} : { sinceTime }) },
  );
  for await (const lines of splitLogLines(stream, { batchMax: batchLinesMax, takesRest: !isRunning })) {
    const fresh = lines.filter(isNew).map(mask);
    const fitting = fittingLines(fresh, deps.bytesMax() - writer.end.bytes);
    await writer.append(fitting);
    if (fitting.length < fresh.length) {
      const time = fresh[fitting.length]?.split(" ")[0] ?? "";
      await writer.append([`${time} [the rest is not kept: more than ${deps.bytesMax()} bytes, see config-build]`]);
      return true;
    }
  }
  return false;
}

function fittingLines(lines: readonly string[], bytesLeft: number): readonly string[] {
  let bytes = 0;
  const tooMuch = lines.findIndex((line) => {
    bytes += Buffer.byteLength(line) + 1;
    return bytes > bytesLeft;
  });
  return tooMuch < 0 ? lines : lines.slice(0, tooMuch);
}

/** A second earlier: servers round, and what comes twice is left out here. */
function sinceTimeOf(lastTime: string | undefined): string | undefined {
  if (lastTime === undefined || Number.isNaN(Date.parse(lastTime))) return undefined;
  return `${new Date(Date.parse(lastTime) - 1000).toISOString().slice(0, 19)}Z`;
}
