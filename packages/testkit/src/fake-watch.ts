import type { Kind, KubeObject } from "@kelvin/api";
import { deepCopy, ExpiredError } from "@kelvin/kube";
import type { WatchEvent, WatchOptions } from "@kelvin/kube";
import type { Fake } from "./fake-kube.ts";
import { bucketOf } from "./fake-store.ts";
import type { StoredEvent } from "./fake-store.ts";

interface WatchCall {
  options: WatchOptions;
  matches: (object: KubeObject) => boolean;
  admit: () => Promise<void>;
}

/** A slow reader of a fake watch is cut off after this many unread events, as by a real server. */
const UNREAD_EVENTS_MAX = 10_000;

/** One watch of the fake, from the moment it is iterated. */
export async function* watchFake<T extends KubeObject>(
  fake: Fake,
  kind: Kind<T>,
  { options, matches, admit }: WatchCall,
): AsyncGenerator<WatchEvent<T>> {
  if (options.signal?.aborted === true) return;
  await admit();
  const bucket = bucketOf(kind);
  const version = parseVersion(options.resourceVersion);
  const queue = openEventQueue<WatchEvent<T>>();
  const offer = (event: StoredEvent): void => {
    const seen = event.bucket === bucket ? viewOf<T>(event, matches) : undefined;
    if (seen !== undefined) queue.push(seen);
  };
  const watch = {
    end: (error?: Error) => queue.end(error),
    bookmark: () => queue.push({ type: "BOOKMARK", resourceVersion: String(fake.store.version) }),
  };
  const onAbort = (): void => queue.end();
  for (const event of fake.store.eventsAfter(bucket, version)) offer(event);
  const unsubscribe = fake.store.subscribe(offer);
  fake.watches.add(watch);
  options.signal?.addEventListener("abort", onAbort, { once: true });
  const cancelTimeout = endAfter(fake, options, onAbort);
  try {
    yield* queue.events();
  } finally {
    cancelTimeout();
    unsubscribe();
    fake.watches.delete(watch);
    options.signal?.removeEventListener("abort", onAbort);
  }
}

/** Only when asked: informers choose their timeout at random, and tests of them should not depend on it. */
function endAfter({ clock }: Fake, { timeoutSeconds }: WatchOptions, end: () => void): () => void {
  return timeoutSeconds === undefined ? () => undefined : clock.setTimer(end, timeoutSeconds * 1000);
}

function parseVersion(text: string): number {
  const version = Number(text);
  if (!Number.isSafeInteger(version)) throw new ExpiredError(`resource version "${text}" is not one of ours`);
  return version;
}

/** A selector makes an object that enters it ADDED and one that leaves it DELETED, with its old content. */
function viewOf<T extends KubeObject>(
  event: StoredEvent,
  matches: (object: KubeObject) => boolean,
): WatchEvent<T> | undefined {
  const { type, before, object } = event;
  const isIn = matches(object);
  const wasIn = before !== undefined && matches(before);
  if (type === "DELETED") return wasIn ? { type, object: deepCopy(object) as T } : undefined;
  if (isIn) return { type: wasIn ? "MODIFIED" : "ADDED", object: deepCopy(object) as T };
  if (!wasIn) return undefined;
  const metadata = { ...before.metadata, resourceVersion: String(event.resourceVersion) };
  return { type: "DELETED", object: deepCopy({ ...before, metadata }) as T };
}

interface EventQueue<E> {
  push(event: E): void;
  end(error?: Error): void;
  events(): AsyncGenerator<E>;
}

function openEventQueue<E>(): EventQueue<E> {
  const unread: E[] = [];
  let isEnded = false;
  let failure: Error | undefined;
  let wake = Promise.withResolvers<void>();
  return {
    push(event) {
      unread.push(event);
      if (unread.length > UNREAD_EVENTS_MAX) isEnded = true;
      wake.resolve();
    },
    end(error) {
      isEnded = true;
      failure = error;
      wake.resolve();
    },
    async *events() {
      for (;;) {
        while (unread.length > 0) yield unread.shift() as E;
        if (failure !== undefined) throw failure;
        if (isEnded) return;
        await wake.promise;
        wake = Promise.withResolvers();
      }
    },
  };
}
