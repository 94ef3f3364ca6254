import type { BusTrouble } from "@kelvin/bus";
import type { Logger } from "@kelvin/http-service";
import { makeBackoff, type Clock } from "@kelvin/kube";
import type { OpenBus, OpenedBus } from "./opened-bus.ts";

/** The way to the broker: opened in its own time, whatever the broker says to that. */
export interface BusLink {
  /** Undefined until the broker was there once. From then on the bus mends itself. */
  readonly current: OpenedBus | undefined;
  /** Why it does not answer; undefined while it does. */
  readonly trouble: BusTrouble | undefined;
  /** Told when the bus is open, and when trouble comes or goes. */
  onChange(listener: () => void): void;
  /** Resolves when the broker was tried once, with whatever end. */
  readonly tried: Promise<void>;
  close(): Promise<void>;
}

const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 10_000;
const LOOK_MS = 1_000;

/** Opens the bus, again and again until that succeeds. */
export function openBusLink(open: OpenBus, { clock, log }: { readonly clock: Clock; readonly log: Logger }): BusLink {
  const abort = new AbortController();
  const { signal } = abort;
  const listeners = new Set<() => void>();
  const tried = Promise.withResolvers<void>();
  const backoff = makeBackoff(RETRY_MS_MIN, RETRY_MS_MAX);
  let current: OpenedBus | undefined;
  let trouble: BusTrouble | undefined = { sinceMs: clock.now().getTime(), reason: "the broker was not reached yet" };
  const setTrouble = (next: BusTrouble | undefined): void => {
    if (next?.reason === trouble?.reason) return;
    trouble = next;
    for (const listener of listeners) listener();
  };
  const openOnce = async (): Promise<void> => {
    try {
      current = await open();
      log.info({ kind: current.bus.kind }, "Opened the bus");
      trouble = undefined;
      for (const listener of listeners) listener();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (trouble?.reason !== reason) log.warn({ reason }, "Could not open the bus; it is tried again");
      setTrouble({ sinceMs: trouble?.sinceMs ?? clock.now().getTime(), reason });
    }
    tried.resolve();
  };
  const run = async (): Promise<void> => {
    while (!signal.aborted && current === undefined) {
      await openOnce();
      if (current === undefined) await clock.sleep(backoff.nextMs(), signal);
    }
    while (!signal.aborted) {
      await clock.sleep(LOOK_MS, signal);
      setTrouble(current?.bus.trouble);
    }
  };
  const running = run();
  return {
    get current() {
      return current;
    },
    get trouble() {
      return trouble;
    },
    onChange(listener) {
      listeners.add(listener);
    },
    tried: tried.promise,
    async close() {
      abort.abort();
      await running;
      await current?.bus.close();
    },
  };
}
