import { describe, expect, test } from "@jest/globals";
import type { ConditionSet, Kind, KubeObject } from "@kelvin/api";
import { reconcileKey, silentLog, waitForEvent } from "@kelvin/controller";
import type { EventRecorder, Outcome, ReconcileContext, ReconcileRules } from "@kelvin/controller";
import { openInformer, parseKey } from "@kelvin/kube";
import type { Informer, InformerOptions } from "@kelvin/kube";
import { fakeClock } from "./fake-clock.ts";
import type { FakeClock } from "./fake-clock.ts";
import { openFakeKube } from "./fake-kube.ts";
import type { FakeKube, FakeWrite } from "./fake-kube.ts";

/** What a row's dependencies are made from. */
export interface ReconcileWorld {
  readonly kube: FakeKube;
  readonly clock: FakeClock;
  readonly recorder: EventRecorder;
  /** An informer over the world, synced before the reconcile and closed after the row. */
  readonly informer: <T extends KubeObject>(kind: Kind<T>, options?: InformerOptions<T>) => Informer<T>;
}

/** The reconciler under test and what surrounds it. */
export interface ReconcileSubject<T extends KubeObject, D> {
  readonly kind: Kind<T>;
  readonly reconcile: (object: T, deps: D) => Promise<Outcome>;
  /** Makes the reconciler's dependencies; the context is that of the loop. */
  readonly makeDeps: (world: ReconcileWorld, context: ReconcileContext) => D | Promise<D>;
  readonly default?: (object: T) => void;
  readonly conditions?: ConditionSet;
  readonly finalize?: (object: T, deps: D) => Promise<Outcome | undefined>;
  readonly finalizerName?: string;
  readonly reconcilesDeleting?: boolean;
}

/** One case: a world, which object is reconciled, and what must have happened. What is not wanted must not happen. */
export interface ReconcileRow {
  readonly name: string;
  /** What is stored before, each with apiVersion and kind. */
  readonly world: readonly KubeObject[];
  /** `namespace/name` of the object. */
  readonly key: string;
  /** Objects created, in order; fields that the server sets are not compared. Default none. */
  readonly wantCreated?: readonly KubeObject[];
  /** Objects updated or patched, as they are afterwards, status writes apart. Default none. */
  readonly wantUpdated?: readonly KubeObject[];
  /** `Kind namespace/name` of what was deleted. Default none. */
  readonly wantDeleted?: readonly string[];
  /** The object's conditions afterwards by type: `True`, `False/Reason`, `Unknown/Reason` or just `Unknown`. */
  readonly wantStatus?: Readonly<Record<string, string>>;
  /** Other fields that the object's status must contain. */
  readonly wantStatusFields?: object;
  /** `Normal Created: Created Route "hello".`, in order. Default none. */
  readonly wantEvents?: readonly string[];
  /** Default `waitForEvent`. */
  readonly wantOutcome?: Outcome;
  /** The class of what the reconcile throws. Default: it does not throw. */
  readonly wantError?: new (...args: never[]) => Error;
  /** Whether a second run may write. Only for reconcilers that take turns with another. Default false. */
  readonly mayWriteAgain?: boolean;
}

/**
 * A test for each row: runs the reconcile through the controller's loop, compares what it did, and runs it once more,
 * which must write nothing: a reconcile that writes into a world that is right already would never come to rest.
 */
export function describeReconcile<T extends KubeObject, D>(
  subject: ReconcileSubject<T, D>,
  rows: readonly ReconcileRow[],
): void {
  describe(`reconcile of ${subject.kind.kind}`, () => {
    test.each(rows.map((row) => [row.name, row] as const))("%s", async (_name, row) => {
      await runReconcileRow(subject, row);
    });
  });
}

/** Runs one row. Rejects with what differs. */
export async function runReconcileRow<T extends KubeObject, D>(
  subject: ReconcileSubject<T, D>,
  row: ReconcileRow,
): Promise<void> {
  const clock = fakeClock();
  const kube = openFakeKube({ clock, objects: row.world });
  const events: string[] = [];
  const run: Run<T, D> = { subject, row, clock, kube, recorder: recorderInto(events), informers: [] };
  try {
    const first = await runOnce(run);
    expectOutcome(row, first);
    expectWrites(row, kube.writes);
    expectStatus(run);
    expect(events).toEqual(row.wantEvents ?? []);
    if (row.mayWriteAgain === true) return;

    kube.writes.length = 0;
    await clock.advance(1000);
    await runOnce(run);
    expect({ "writes of the second run": kube.writes.map(describeWrite) }).toEqual({ "writes of the second run": [] });
  } finally {
    await Promise.all(run.informers.map((informer) => informer.close()));
  }
}

interface Run<T extends KubeObject, D> {
  subject: ReconcileSubject<T, D>;
  row: ReconcileRow;
  clock: FakeClock;
  kube: FakeKube;
  recorder: EventRecorder;
  informers: { close(): Promise<void>; synced: Promise<void> }[];
}

async function runOnce<T extends KubeObject, D>(run: Run<T, D>): Promise<Outcome | Error> {
  const { subject, row, clock, kube, recorder, informers } = run;
  const { makeDeps, reconcile, finalize, ...rest } = subject;
  const world: ReconcileWorld = {
    kube,
    clock,
    recorder,
    informer(kind, options) {
      const informer = openInformer(kube, kind, { clock, ...options });
      informers.push(informer);
      return informer;
    },
  };
  const depsFor = async (context: ReconcileContext): Promise<D> => {
    const deps = await makeDeps(world, context);
    await Promise.all(informers.map((informer) => informer.synced));
    return deps;
  };
  const rules: ReconcileRules<T> = {
    ...rest,
    reconcile: async (object, context) => reconcile(object, await depsFor(context)),
    ...(finalize !== undefined && {
      finalize: async (object: T, context: ReconcileContext) => finalize(object, await depsFor(context)),
    }),
  };
  const stored = { get: () => primaryOf(run) };
  const { signal } = new AbortController();
  const context = { key: parseKey(row.key), kube, recorder, clock, log: silentLog, signal };
  try {
    return await reconcileKey(rules, stored, context);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  } finally {
    await clock.settle();
  }
}

function primaryOf<T extends KubeObject, D>({ kube, subject, row }: Run<T, D>): T | undefined {
  const { namespace, name } = parseKey(row.key);
  return kube
    .objects(subject.kind)
    .find(({ metadata }) => metadata.name === name && (metadata.namespace ?? "") === (namespace ?? ""));
}

function recorderInto(events: string[]): EventRecorder {
  const record = (type: string) => (_object: KubeObject, reason: string, message: string) => {
    events.push(`${type} ${reason}: ${message}`);
  };
  return { normal: record("Normal"), warning: record("Warning") };
}

function expectOutcome(row: ReconcileRow, result: Outcome | Error): void {
  if (row.wantError !== undefined) {
    expect(result).toBeInstanceOf(row.wantError);
    return;
  }
  // What went wrong says more than that something did.
  if (result instanceof Error) throw result;
  expect(result).toEqual(row.wantOutcome ?? waitForEvent);
}

function expectWrites(row: ReconcileRow, writes: readonly FakeWrite[]): void {
  const created = writes.filter(({ verb }) => verb === "create").map(({ after }) => comparable(after));
  const updated = writes
    .filter(({ verb, subresource }) => (verb === "update" || verb === "patch") && subresource !== "status")
    .map(({ after, before }) => comparable(after ?? before));
  const deleted = writes
    .filter(({ verb }) => verb === "delete")
    .map(({ kind, key }) => `${kind} ${key.namespace === undefined ? "" : `${key.namespace}/`}${key.name}`);
  expect({ created, updated, deleted }).toEqual({
    created: (row.wantCreated ?? []).map(comparable),
    updated: (row.wantUpdated ?? []).map(comparable),
    deleted: row.wantDeleted ?? [],
  });
}

/** Without what the server sets, nor the status, which has wants of its own. */
function comparable(object: KubeObject | undefined): unknown {
  if (object === undefined) return undefined;
  const { status: _status, ...rest } = object as KubeObject & { status?: unknown };
  const { uid: _uid, resourceVersion: _version, generation: _generation, ...metadata } = object.metadata;
  delete metadata.creationTimestamp;
  return { ...rest, metadata };
}

function describeWrite({ verb, kind, subresource, key, before, after }: FakeWrite): object {
  return { verb, kind, subresource, key, before, after };
}

interface Conditions {
  status?: { conditions?: readonly { type: string; status: string; reason?: string }[] };
}

function expectStatus<T extends KubeObject, D>(run: Run<T, D>): void {
  const { wantStatus, wantStatusFields } = run.row;
  const status = (primaryOf(run) as Conditions | undefined)?.status;
  if (wantStatus !== undefined) {
    const conditions = (status?.conditions ?? []).map(
      (condition) => [condition.type, conditionText(condition)] as const,
    );
    expect(Object.fromEntries(conditions)).toEqual(wantStatus);
  }
  if (wantStatusFields !== undefined) expect(status).toMatchObject(wantStatusFields as Record<string, unknown>);
}

function conditionText({ status, reason = "" }: { status: string; reason?: string }): string {
  return reason === "" ? status : `${status}/${reason}`;
}
