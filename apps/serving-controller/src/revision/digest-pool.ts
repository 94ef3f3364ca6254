import type { Revision } from "@kelvin/api/serving/v1";
import { keyOf, keyText, toError, type Clock } from "@kelvin/kube";
import type { ImageResolver, RegistryCredential } from "../images/image-resolver.ts";

/** Where the resolution of a Revision's images stands. */
export type DigestState =
  | { readonly state: "pending" }
  | { readonly state: "resolved"; readonly digests: ReadonlyMap<string, string> }
  | { readonly state: "failed"; readonly image: string; readonly message: string; readonly retryAfterMs: number };

export interface DigestQuestion {
  readonly revision: Revision;
  readonly images: readonly string[];
  readonly timeoutMs: number;
}

/** Resolves images in the background, so that a slow registry holds up no reconcile. */
export interface DigestPool {
  /** Tells where it stands; starts a resolution when there is none, or when the last failure is old enough. */
  ask(question: DigestQuestion): DigestState;
  /** Drops what is known of a Revision that is resolved or gone, by its `namespace/name`. */
  forget(key: string): void;
  close(): Promise<void>;
}

export interface DigestPoolOptions {
  readonly resolver: ImageResolver;
  /** Reads the pull secrets that the Revision's pods would use. */
  readonly findCredentials: (revision: Revision) => Promise<readonly RegistryCredential[]>;
  readonly clock: Clock;
  /** Called when a Revision's resolution has ended, well or not. */
  readonly onSettled: (revision: Revision) => void;
  readonly concurrencyMax?: number;
}

const retryDelayMs = { first: 1000, max: 1_000_000 };

interface Entry {
  readonly uid: string;
  state: DigestState;
  failures: number;
  /** On the monotonic clock: not asked again before. */
  retryAtMs: number;
}

export function openDigestPool(options: DigestPoolOptions): DigestPool {
  const entries = new Map<string, Entry>();
  const running = new Set<Promise<void>>();
  const waiting: (() => void)[] = [];
  const stop = new AbortController();
  const concurrencyMax = options.concurrencyMax ?? 50;

  function start(entry: Entry, question: DigestQuestion): void {
    entry.state = { state: "pending" };
    const run = (): void => {
      const ended = resolveInto(entry, question, { ...options, signal: stop.signal }).finally(() => {
        running.delete(ended);
        waiting.shift()?.();
        if (!stop.signal.aborted) options.onSettled(question.revision);
      });
      running.add(ended);
    };
    if (running.size < concurrencyMax) run();
    else waiting.push(run);
  }

  return {
    ask(question) {
      const { uid = "" } = question.revision.metadata;
      const key = keyText(keyOf(question.revision));
      const known = entries.get(key);
      const isNew = known?.uid !== uid;
      const entry: Entry = isNew ? { uid, state: { state: "pending" }, failures: 0, retryAtMs: 0 } : known;
      entries.set(key, entry);
      const nowMs = options.clock.monotonicMs();
      if (isNew || (entry.state.state === "failed" && nowMs >= entry.retryAtMs)) start(entry, question);
      if (entry.state.state !== "failed") return entry.state;
      return { ...entry.state, retryAfterMs: Math.max(1, entry.retryAtMs - nowMs) };
    },
    forget(key) {
      entries.delete(key);
    },
    async close() {
      stop.abort();
      waiting.length = 0;
      await Promise.all(running);
    },
  };
}

async function resolveInto(
  entry: Entry,
  { revision, images, timeoutMs }: DigestQuestion,
  options: DigestPoolOptions & { signal: AbortSignal },
): Promise<void> {
  const digests = new Map<string, string>();
  let image = images[0] ?? "";
  try {
    const credentials = await options.findCredentials(revision);
    for (image of images) {
      const signal = AbortSignal.any([options.signal, AbortSignal.timeout(timeoutMs)]);
      digests.set(image, await options.resolver.resolve(image, { credentials, signal }));
    }
    entry.state = { state: "resolved", digests };
  } catch (error) {
    const delayMs = Math.min(retryDelayMs.max, retryDelayMs.first * 2 ** Math.min(entry.failures, 20));
    entry.failures += 1;
    entry.retryAtMs = options.clock.monotonicMs() + delayMs;
    entry.state = { state: "failed", image, message: toError(error).message, retryAfterMs: delayMs };
  }
}
