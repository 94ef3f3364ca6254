import {
  ForbiddenError,
  isSemanticallyEqual,
  keyOf,
  keyText,
  makeBackoff,
  NotFoundError,
  openInformer,
  toError,
  type Clock,
  type Informer,
  type Kind,
  type KubeClient,
  type ObjectKey,
} from "@kelvin/kube";
import type { Log } from "@kelvin/controller";
import type { Found, TrackedObject } from "./destinations.ts";
import { describeKind, findKind, type KindName } from "./reference-kind.ts";

/** All objects of one kind, as far as anybody may know of them. */
export interface WatchedKind {
  /** What is known now. Undefined: nothing yet. */
  read(key: ObjectKey): Found | undefined;
  /** Resolves when something is known. */
  readonly known: Promise<void>;
  close(): Promise<void>;
}

export interface WatchedKindOptions {
  readonly kube: Pick<KubeClient, "find" | "list" | "watch">;
  readonly clock: Clock;
  readonly log: Log;
  readonly name: KindName;
  /** Told of the key of an object that changed in a way that counts; undefined: of all. */
  readonly onChange: (key: string | undefined) => void;
}

const retryMs = { first: 500, max: 30_000 };

/** Starts to watch one kind. A kind that does not exist, or that may not be read, is tried again until it can be. */
export function openWatchedKind(options: WatchedKindOptions): WatchedKind {
  const stop = new AbortController();
  const known = Promise.withResolvers<void>();
  let informer: Informer<TrackedObject> | undefined;
  let problem: string | undefined;
  let isKnown = false;
  const settle = (text: string | undefined): void => {
    // Whoever asks before anything is known waits for it, and need not be woken.
    const isNews = isKnown && text !== problem;
    if (text !== undefined && text !== problem)
      options.log.warn({ problem: text }, "A kind that is referred to is not read");
    [problem, isKnown] = [text, true];
    known.resolve();
    if (isNews) options.onChange(undefined);
  };

  async function run(): Promise<void> {
    const backoff = makeBackoff(retryMs.first, retryMs.max);
    while (!stop.signal.aborted) {
      const attempt = await tryToWatch(options, stop.signal);
      if (stop.signal.aborted) return attempt.informer?.close();
      if (attempt.informer !== undefined) {
        informer = attempt.informer;
        settle(undefined);
        return;
      }
      if (attempt.problem !== undefined) settle(attempt.problem);
      await options.clock.sleep(backoff.nextMs(), stop.signal);
    }
  }

  const running = run();
  return {
    known: known.promise,
    read(key) {
      if (problem !== undefined) return { ok: false, problem };
      // An object of a kind without namespaces is found under its name alone.
      if (informer !== undefined) return { ok: true, object: informer.get(key) ?? informer.get({ name: key.name }) };
      return undefined;
    },
    async close() {
      stop.abort();
      await running;
      await informer?.close();
    },
  };
}

/** An informer that has all objects; or why there is none; or, of a server that does not answer, neither. */
interface Attempt {
  readonly informer?: Informer<TrackedObject>;
  readonly problem?: string;
}

async function tryToWatch(options: WatchedKindOptions, signal: AbortSignal): Promise<Attempt> {
  const { kube, log, name } = options;
  try {
    const found = await findKind(kube, name, { signal });
    if (!found.ok) return { problem: found.problem };
    const { informer, refusal } = await openUnlessRefused(found.kind, options, signal);
    if (refusal === undefined) return { informer };
    await informer.close();
    const isAbsent = found.isGuessed || refusal instanceof NotFoundError;
    return { problem: isAbsent ? `there is no ${describeKind(name)} here` : explainForbidden(found.kind) };
  } catch (error) {
    if (!signal.aborted) log.warn({ err: toError(error), kind: name.kind }, "Looking for a kind failed, trying again");
    return {};
  }
}

/** Resolves when all objects are there, or the server has said that it will not give them, or `signal` has aborted. */
async function openUnlessRefused(
  kind: Kind,
  { kube, log, clock, onChange }: WatchedKindOptions,
  signal: AbortSignal,
): Promise<{ informer: Informer<TrackedObject>; refusal: Error | undefined }> {
  const refused = Promise.withResolvers<Error | undefined>();
  const informer = openInformer<TrackedObject>(kube, kind, {
    clock,
    transform: trimObject,
    onError(err) {
      if (err instanceof ForbiddenError || err instanceof NotFoundError) refused.resolve(err);
      else log.warn({ err, kind: kind.kind }, "Watching failed, trying again");
    },
  });
  informer.onChange(({ before, after }) => {
    const object = after ?? before;
    // The first objects are no change: whoever asks waits for them.
    if (informer.isSynced && object !== undefined && !isSameToAskers(before, after)) onChange(keyText(keyOf(object)));
  });
  const onAbort = (): void => refused.resolve(undefined);
  signal.addEventListener("abort", onAbort, { once: true });
  const refusal = await Promise.race([informer.synced.then(() => undefined), refused.promise]);
  signal.removeEventListener("abort", onAbort);
  return { informer, refusal };
}

function explainForbidden({ plural, group }: Kind): string {
  const resource = group === "" ? plural : `${plural}.${group}`;
  return (
    `${resource} may not be read: a ClusterRole with label duck.knative.dev/addressable: "true" ` +
    `must allow get, list and watch of them`
  );
}

/** Only what somebody may ask about. */
function trimObject({ apiVersion, kind, metadata, status }: TrackedObject): TrackedObject {
  const { name, namespace, uid, resourceVersion, generation, deletionTimestamp } = metadata;
  const { address, addresses, conditions, observedGeneration } = status ?? {};
  const kept = { name, namespace, uid, resourceVersion, generation, deletionTimestamp };
  return withoutAbsent({
    apiVersion,
    kind,
    metadata: withoutAbsent(kept),
    status: withoutAbsent({ address, addresses, conditions, observedGeneration }),
  }) as TrackedObject;
}

function withoutAbsent<T extends object>(object: T): Partial<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function isSameToAskers(before: TrackedObject | undefined, after: TrackedObject | undefined): boolean {
  return before !== undefined && after !== undefined && isSemanticallyEqual(comparable(before), comparable(after));
}

function comparable(object: TrackedObject): unknown {
  return { ...object, metadata: { ...object.metadata, resourceVersion: "" } };
}
