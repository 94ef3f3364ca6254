import type { KReference } from "@kelvin/api/duck";
import { keyText, UnavailableError, type Clock, type KubeClient, type ObjectKey } from "@kelvin/kube";
import type { Log } from "@kelvin/controller";
import type { Found } from "./destinations.ts";
import { describeKind, parseKindName, type KindName } from "./reference-kind.ts";
import { openWatchedKind, type WatchedKind } from "./watched-kind.ts";

/** The kinds that somebody refers to, each watched once, and who must be told when which object of them changes. */
export interface WatchedKinds {
  /** Looks the object up and has `asker` called on its changes from now on, until `release`. */
  find(ref: KReference, asker: Asker): Promise<Found>;
  /** `asker` no longer wants to know of what this reference names. */
  release(refId: string, asker: Asker): void;
  close(): Promise<void>;
}

/** Whoever asks. One value stands for one asker. */
export interface Asker {
  readonly wake: () => void;
  /** Takes down what was asked for, for `release`. */
  readonly note: (refId: string) => void;
}

export interface WatchedKindsOptions {
  readonly kube: Pick<KubeClient, "find" | "list" | "watch">;
  readonly clock: Clock;
  readonly log: Log;
  /** Kinds watched at once. More are refused. */
  readonly kindsMax: number;
  /** How long a kind stays watched after nobody asks for it any more. */
  readonly idleMs: number;
  /** How long the first questions wait for a kind to be read for the first time. */
  readonly patienceMs: number;
}

interface Entry {
  readonly watched: WatchedKind;
  /** By the key of an object, or by its name alone for kinds without namespaces. */
  readonly askers: Map<string, Set<Asker>>;
  /** Somebody has waited in vain for it to be read; nobody else does. */
  isLate: boolean;
  /** Set while nobody asks. */
  cancelClosing: (() => void) | undefined;
}

interface Pool {
  readonly options: WatchedKindsOptions;
  readonly entries: Map<string, Entry>;
  /** Those who were refused for want of room. */
  readonly refused: Set<Asker>;
  /** Those that are being closed. */
  readonly closing: Set<Promise<void>>;
}

/** Opens an empty pool. */
export function openWatchedKinds(options: WatchedKindsOptions): WatchedKinds {
  const pool: Pool = { options, entries: new Map(), refused: new Set(), closing: new Set() };
  return {
    async find(ref, asker) {
      const name = parseKindName(ref);
      const { name: objectName = "", namespace } = ref;
      if (name === undefined || objectName === "") {
        return { ok: false, problem: "ref must have apiVersion, kind and name, as Kubernetes spells them" };
      }
      const key = namespace === undefined ? { name: objectName } : { namespace, name: objectName };
      return find(pool, { name, key }, asker);
    },
    release: (refId, asker) => release(pool, refId, asker),
    async close() {
      for (const id of pool.entries.keys()) closeEntry(pool, id);
      await Promise.all(pool.closing);
    },
  };
}

interface Question {
  readonly name: KindName;
  readonly key: ObjectKey;
}

async function find(pool: Pool, { name, key }: Question, asker: Asker): Promise<Found> {
  const id = JSON.stringify([name.group, name.version, name.kind]);
  const entry = pool.entries.get(id) ?? openEntry(pool, id, name);
  if (entry === undefined) {
    pool.refused.add(asker);
    return {
      ok: false,
      problem: `${describeKind(name)} is one kind too many: ${pool.options.kindsMax} are referred to`,
    };
  }
  register(pool, { id, key }, asker);
  if (entry.watched.read(key) === undefined && !entry.isLate) await untilKnown(pool, entry);
  const known = entry.watched.read(key);
  if (known === undefined) throw new UnavailableError(`it is not known yet what there is of ${describeKind(name)}`);
  return known;
}

async function untilKnown({ options: { clock, patienceMs } }: Pool, entry: Entry): Promise<void> {
  const late = Promise.withResolvers<void>();
  const cancel = clock.setTimer(() => {
    entry.isLate = true;
    late.resolve();
  }, patienceMs);
  await Promise.race([entry.watched.known, late.promise]);
  cancel();
}

function openEntry(pool: Pool, id: string, name: KindName): Entry | undefined {
  const { kindsMax, kube, clock, log } = pool.options;
  if (pool.entries.size >= kindsMax) {
    const idle = [...pool.entries].find(([, { askers }]) => askers.size === 0);
    if (idle === undefined) return undefined;
    closeEntry(pool, idle[0]);
  }
  const askers: Entry["askers"] = new Map();
  const onChange = (key: string | undefined): void => {
    const concerned = key === undefined ? [...askers.values()].flatMap((group) => [...group]) : (askers.get(key) ?? []);
    for (const asker of new Set(concerned)) asker.wake();
  };
  const watched = openWatchedKind({ kube, clock, log, name, onChange });
  const entry: Entry = { watched, askers, isLate: false, cancelClosing: undefined };
  pool.entries.set(id, entry);
  return entry;
}

interface Place {
  readonly id: string;
  readonly key: ObjectKey;
}

function register({ entries }: Pool, { id, key }: Place, asker: Asker): void {
  const entry = entries.get(id);
  if (entry === undefined) return;
  entry.cancelClosing?.();
  entry.cancelClosing = undefined;
  for (const text of new Set([keyText(key), key.name])) {
    const group = entry.askers.get(text);
    if (group === undefined) entry.askers.set(text, new Set([asker]));
    else group.add(asker);
  }
  asker.note(JSON.stringify([id, key]));
}

function release(pool: Pool, refId: string, asker: Asker): void {
  const [id, key] = JSON.parse(refId) as [string, ObjectKey];
  const entry = pool.entries.get(id);
  if (entry === undefined) return;
  for (const text of new Set([keyText(key), key.name])) {
    const group = entry.askers.get(text);
    group?.delete(asker);
    if (group?.size === 0) entry.askers.delete(text);
  }
  if (entry.askers.size > 0 || entry.cancelClosing !== undefined) return;
  entry.cancelClosing = pool.options.clock.setTimer(() => closeEntry(pool, id), pool.options.idleMs);
}

function closeEntry(pool: Pool, id: string): void {
  const entry = pool.entries.get(id);
  if (entry === undefined) return;
  pool.entries.delete(id);
  entry.cancelClosing?.();
  const closed = entry.watched.close().finally(() => pool.closing.delete(closed));
  pool.closing.add(closed);
  const waiting = [...pool.refused];
  pool.refused.clear();
  for (const asker of waiting) asker.wake();
}
