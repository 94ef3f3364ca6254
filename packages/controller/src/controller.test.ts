import { afterEach, describe, expect, test } from "@jest/globals";
import { conditionSet } from "@kelvin/api";
import type { ConditionedStatus, Kind, KubeObject } from "@kelvin/api";
import { ConflictError, openInformer, UnavailableError } from "@kelvin/kube";
import { deployment, fakeClock, openFakeKube, ownedBy, withGeneration } from "@kelvin/testkit";
import type { FakeClock, FakeKube } from "@kelvin/testkit";
import { Deployment } from "@kelvin/kube";
import { openController } from "./controller.ts";
import type { Controller, ControllerOptions } from "./controller.ts";
import { enqueueByLabel, enqueueOwner, watching } from "./key-mapper.ts";
import { requeueAfter, TerminalError, waitForEvent } from "./outcome.ts";

interface Widget extends KubeObject {
  spec?: { size?: number };
  status?: ConditionedStatus & { size?: number };
}
const Widget: Kind<Widget> = {
  group: "example.dev",
  version: "v1",
  kind: "Widget",
  plural: "widgets",
  namespaced: true,
};
const conditions = conditionSet(["Made"]);

function widget(name: string, spec: Widget["spec"] = {}): Widget {
  return { apiVersion: "example.dev/v1", kind: "Widget", metadata: { namespace: "n", name, uid: `uid-${name}` }, spec };
}

interface World {
  kube: FakeKube;
  clock: FakeClock;
  controller: Controller;
  events: string[];
  results: string[];
}

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

function holding(...objects: readonly KubeObject[]): FakeKube {
  return openFakeKube({ objects });
}

async function open(
  options: Pick<ControllerOptions<Widget>, "reconcile"> & Partial<ControllerOptions<Widget>>,
  kube: FakeKube = holding(widget("a")),
): Promise<World> {
  const clock = fakeClock();
  const [events, results]: [string[], string[]] = [[], []];
  const record = (type: string) => (_object: KubeObject, reason: string, message: string) => {
    events.push(`${type} ${reason}: ${message}`);
  };
  const informer = openInformer(kube, Widget, { clock });
  const deployments = openInformer(kube, Deployment, { clock });
  const controller = openController({
    name: "widget-controller",
    kind: Widget,
    kube,
    informer,
    clock,
    recorder: { normal: record("Normal"), warning: record("Warning") },
    metrics: {
      queueDepth: () => undefined,
      queueWaitMs: () => undefined,
      reconciled: (_controller, result) => results.push(result),
    },
    watches: [watching(deployments, enqueueOwner(Widget)), watching(deployments, enqueueByLabel("widget"))],
    ...options,
  });
  closers.push(
    () => informer.close(),
    () => deployments.close(),
    () => controller.close(),
  );
  await clock.settle();
  return { kube, clock, controller, events, results };
}

describe("controller", () => {
  test("reconciles every object once synced, then those that change", async () => {
    const seen: (string | undefined)[] = [];
    const { kube, clock, controller } = await open(
      {
        reconcile: ({ metadata }) => {
          seen.push(metadata.name);
          return Promise.resolve(waitForEvent);
        },
      },
      holding(widget("a"), widget("b")),
    );
    expect(seen).toEqual(["a", "b"]);
    kube.put(widget("b", { size: 2 }));
    kube.put(widget("c"));
    await clock.settle();
    expect(seen).toEqual(["a", "b", "b", "c"]);
    controller.resync();
    await clock.settle();
    expect(seen.slice(4)).toEqual(["a", "b", "c"]);
  });

  test("is woken by what it owns, and by what bears its label", async () => {
    let runs = 0;
    const reconcile = (): Promise<object> => Promise.resolve((runs += 1)).then(() => waitForEvent);
    const { kube, clock } = await open({ reconcile });
    expect(runs).toBe(1);
    kube.put(deployment("child", ownedBy(widget("a")), ({ metadata }) => (metadata.namespace = "n")));
    await clock.settle();
    expect(runs).toBe(2);
    kube.put(
      deployment("labelled", ({ metadata }) => Object.assign(metadata, { namespace: "n", labels: { widget: "a" } })),
    );
    await clock.settle();
    expect(runs).toBe(3);
    kube.put(deployment("stranger"));
    await clock.settle();
    expect(runs).toBe(3);
  });

  test("never runs one key twice at a time; a change meanwhile makes one more run", async () => {
    const gates: (() => void)[] = [];
    let runs = 0;
    const { kube, clock } = await open({
      reconcile: async () => {
        runs += 1;
        await new Promise<void>((resolve) => gates.push(resolve));
        return waitForEvent;
      },
    });
    kube.put(widget("a", { size: 2 }));
    kube.put(widget("a", { size: 3 }));
    await clock.settle();
    expect(runs).toBe(1);
    gates[0]?.();
    await clock.settle();
    expect(runs).toBe(2);
    gates[1]?.();
    await clock.settle();
    expect(runs).toBe(2);
  });

  test("gives each reconcile a copy of its own, defaulted, with conditions", async () => {
    const { kube } = await open({
      conditions,
      default: (object) => {
        object.spec = { size: 7, ...object.spec };
      },
      reconcile: (object, { clock }) => {
        expect(object.spec?.size).toBe(7);
        expect(object.status?.conditions?.map(({ type, status }) => [type, status])).toEqual([
          ["Made", "Unknown"],
          ["Ready", "Unknown"],
        ]);
        object.status = { ...object.status, size: 7 };
        conditions.markTrue(object.status, { type: "Made" }, clock.now());
        return Promise.resolve(waitForEvent);
      },
    });
    const [stored] = kube.objects(Widget);
    expect(stored?.spec).toEqual({});
    expect(stored?.status).toMatchObject({ size: 7, observedGeneration: 1 });
    expect(kube.writes.map(({ verb, subresource }) => [verb, subresource])).toEqual([["update", "status"]]);
  });

  test("comes to rest: its own status write makes one more run, which writes nothing", async () => {
    let runs = 0;
    const { kube, clock } = await open({
      conditions,
      reconcile: (object, context) => {
        runs += 1;
        conditions.markTrue(object.status ?? {}, { type: "Made" }, context.clock.now());
        return Promise.resolve(waitForEvent);
      },
    });
    await clock.advance(10_000);
    expect([runs, kube.writes.length]).toEqual([2, 1]);
  });

  test("a new generation that fails early says so; one that passes keeps its transition time", async () => {
    let fails = false;
    const { kube, clock, results } = await open({
      conditions,
      reconcile: (object, context) => {
        if (fails) return Promise.reject(new TerminalError("no"));
        conditions.markTrue(object.status ?? {}, { type: "Made" }, context.clock.now());
        return Promise.resolve(waitForEvent);
      },
    });
    const ready = (): unknown => kube.objects(Widget)[0]?.status?.conditions?.find(({ type }) => type === "Ready");
    const before = ready();
    await clock.advance(60_000);
    const [stored] = kube.objects(Widget);
    kube.put({ ...stored, metadata: { ...stored?.metadata, generation: 2 } } as Widget);
    await clock.settle();
    expect(ready()).toEqual(before);
    fails = true;
    const [again] = kube.objects(Widget);
    kube.put({ ...again, metadata: { ...again?.metadata, generation: 3 } } as Widget);
    await clock.settle();
    expect(ready()).toMatchObject({ status: "Unknown", reason: "NewObservedGenFailure" });
    expect(results.at(-1)).toBe("terminal");
  });

  test("a conflicting writer does not lose the status, nor its own change", async () => {
    let isFirst = true;
    const kube = holding(widget("a"));
    const options: Pick<ControllerOptions<Widget>, "reconcile"> = {
      reconcile: (object) => {
        if (isFirst) kube.put({ ...widget("a", { size: 9 }), metadata: { ...object.metadata, generation: 2 } });
        isFirst = false;
        object.status = { size: 1 };
        return Promise.resolve(waitForEvent);
      },
    };
    await open(options, kube);
    expect(kube.objects(Widget)[0]).toMatchObject({ spec: { size: 9 }, status: { size: 1 } });
  });

  test("where others write the status too, nothing is put over theirs: it looks again", async () => {
    let isFirst = true;
    const kube = holding(widget("a"));
    const options: Pick<ControllerOptions<Widget>, "reconcile" | "sharesStatus"> = {
      sharesStatus: true,
      reconcile: (object) => {
        if (isFirst) kube.put({ ...widget("a"), metadata: object.metadata, status: { size: 7 } } as Widget);
        isFirst = false;
        object.status = { ...object.status, observedGeneration: 1 };
        return Promise.resolve(waitForEvent);
      },
    };
    const { clock, events } = await open(options, kube);
    await clock.advance(1_000);
    expect(kube.objects(Widget)[0]?.status).toEqual({ size: 7, observedGeneration: 1 });
    expect(events).toEqual([]);
  });

  test("writes the status also when the reconcile throws, but not of an object that is gone", async () => {
    const { kube, clock } = await open(
      {
        reconcile: async (object, context) => {
          object.status = { size: 1 };
          if (object.metadata.name === "gone") await context.kube.delete(Widget, { namespace: "n", name: "gone" });
          throw new TerminalError("no");
        },
      },
      holding(widget("a"), widget("gone")),
    );
    await clock.settle();
    expect(kube.objects(Widget)).toMatchObject([{ metadata: { name: "a" }, status: { size: 1 } }]);
  });

  test("what throws is told of and retried with backoff; a conflict is retried quietly; a terminal error is not retried", async () => {
    let error: Error = new UnavailableError("registry is down");
    let runs = 0;
    const { clock, events, results, kube } = await open({
      reconcile: () => {
        runs += 1;
        return Promise.reject(error);
      },
    });
    await clock.advance(200);
    expect(runs).toBe(6);
    expect(new Set(events)).toEqual(new Set(["Warning InternalError: registry is down"]));
    events.length = 0;
    error = new ConflictError("lost a race");
    await clock.advance(1000);
    expect(results.at(-1)).toBe("retried");
    expect(events).toEqual([]);
    error = new TerminalError("the image does not exist");
    await clock.advance(120_000);
    expect(events).toEqual(["Warning InternalError: the image does not exist"]);
    const runsBefore = runs;
    await clock.advance(1_000_000);
    expect(runs).toBe(runsBefore);
    kube.put(widget("a", { size: 5 }));
    await clock.settle();
    expect(runs).toBe(runsBefore + 1);
  });

  test("requeueAfter calls again after that time, changed or not", async () => {
    let runs = 0;
    const { clock } = await open({ reconcile: () => Promise.resolve((runs += 1)).then(() => requeueAfter(1000)) });
    await clock.advance(999);
    expect(runs).toBe(1);
    await clock.advance(2001);
    expect(runs).toBe(4);
  });

  test("one that takes too long is aborted, frees its worker, and keeps its key", async () => {
    const aborted: boolean[] = [];
    const never = Promise.withResolvers<never>();
    let hung = 0;
    const seen: string[] = [];
    const { clock, kube, results } = await open({
      concurrency: 1,
      reconcile: async ({ metadata }, { signal }) => {
        seen.push(metadata.name ?? "");
        if (metadata.name !== "a") return waitForEvent;
        hung += 1;
        signal.addEventListener("abort", () => aborted.push(true));
        return never.promise;
      },
    });
    await clock.advance(30_000);
    expect([aborted, results]).toEqual([[true], ["retried"]]);
    kube.put(widget("b"));
    kube.put(widget("a", { size: 1 }));
    await clock.advance(100_000);
    expect([hung, seen]).toEqual([1, ["a", "b"]]);
    never.reject(new Error("at last"));
    await clock.advance(1000);
    expect(hung).toBeGreaterThan(1);
  });

  test("an object that is going away is left alone, unless asked for", async () => {
    const going = {
      ...widget("a"),
      metadata: { ...widget("a").metadata, deletionTimestamp: "2026-01-01T00:00:00Z", finalizers: ["x"] },
    };
    const seen: string[] = [];
    const reconcile = (): Promise<object> => Promise.resolve(seen.push("run")).then(() => waitForEvent);
    await open({ reconcile }, holding(going));
    expect(seen).toEqual([]);
    await open({ reconcile, reconcilesDeleting: true }, holding(going));
    expect(seen).toEqual(["run"]);
  });

  test("finalize runs before the object goes, after a finalizer was stored before anything else", async () => {
    const told: string[] = [];
    let fails = true;
    const { kube, clock } = await open({
      finalizerName: "widgets.example.dev",
      reconcile: (object) => {
        told.push(`reconcile ${object.metadata.finalizers?.join(",")}`);
        return Promise.resolve(waitForEvent);
      },
      finalize: () => {
        told.push("finalize");
        return fails ? Promise.reject(new Error("not yet")) : Promise.resolve(undefined);
      },
      forget: ({ name }) => void told.push(`forget ${name}`),
    });
    expect(told[0]).toBe("reconcile widgets.example.dev");
    told.length = 0;
    await kube.delete(Widget, { namespace: "n", name: "a" });
    await clock.settle();
    expect(told).toEqual(["finalize"]);
    expect(kube.objects(Widget)).toHaveLength(1);
    fails = false;
    await clock.advance(1000);
    expect(kube.objects(Widget)).toHaveLength(0);
    expect(told.at(-1)).toBe("forget a");
  });

  test("an object that is gone when its finalizer is to go is no failure", async () => {
    const { kube, clock, events } = await open({
      finalizerName: "widgets.example.dev",
      reconcile: () => Promise.resolve(waitForEvent),
      finalize: async ({ metadata }) => {
        const { resourceVersion } = metadata;
        const body = { metadata: { resourceVersion, finalizers: [] } };
        await kube.patch(Widget, { namespace: "n", name: "a" }, { type: "merge", body });
        return undefined;
      },
    });
    await kube.delete(Widget, { namespace: "n", name: "a" });
    await clock.advance(1000);
    expect([kube.objects(Widget).length, events]).toEqual([0, []]);
  });

  test("finalize may take its time: the object stays until it has nothing left to wait for", async () => {
    let turns = 0;
    const { kube, clock, events } = await open({
      finalizerName: "widgets.example.dev",
      reconcile: () => Promise.resolve(waitForEvent),
      finalize: () => {
        turns += 1;
        return Promise.resolve(turns < 3 ? requeueAfter(1000) : undefined);
      },
    });
    await kube.delete(Widget, { namespace: "n", name: "a" });
    await clock.advance(1999);
    expect([turns, kube.objects(Widget).length]).toEqual([2, 1]);
    await clock.advance(1);
    expect([turns, kube.objects(Widget).length, events]).toEqual([3, 0, []]);
  });

  test("close aborts what runs, waits for it, and leaves no timers", async () => {
    let ended = false;
    const { controller, clock, kube } = await open({
      reconcile: async (object, { signal, kube: bound }) => {
        object.status = { size: 1 };
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        ended = true;
        await bound.get(Widget, { namespace: "n", name: "a" });
        return waitForEvent;
      },
    });
    await controller.close();
    expect(ended).toBe(true);
    expect(kube.writes).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });
});

test("withGeneration is what a spec change does", () => {
  expect(deployment("d", withGeneration(2)).metadata.generation).toBe(2);
});
