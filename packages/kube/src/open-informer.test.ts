import { afterEach, describe, expect, test } from "@jest/globals";
import type { Change } from "./informer.ts";
import { fakeClock, openFakeKube } from "@kelvin/testkit";
import type { FakeClock, FakeKube } from "@kelvin/testkit";
import { ConfigMap } from "./core-kinds.ts";
import { ExpiredError, ForbiddenError, UnavailableError } from "./errors.ts";
import type { Informer, InformerOptions } from "./informer.ts";
import { openInformer } from "./open-informer.ts";

function configMap(name: string, labels: Record<string, string> = {}): ConfigMap {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "n", name, labels }, data: { a: "1" } };
}

interface World {
  kube: FakeKube;
  clock: FakeClock;
  informer: Informer<ConfigMap>;
  changes: string[];
  errors: Error[];
  calls: string[];
}

const informers: Informer<ConfigMap>[] = [];
afterEach(async () => {
  await Promise.all(informers.splice(0).map((informer) => informer.close()));
});

function describeChange({ before, after }: Change<ConfigMap>): string {
  const [what, object] = before === undefined ? ["+", after] : after === undefined ? ["-", before] : ["~", after];
  return `${what}${object?.metadata.name}`;
}

async function open(options: InformerOptions<ConfigMap> = {}, kube = openFakeKube()): Promise<World> {
  const clock = fakeClock();
  const [changes, errors, calls]: [string[], Error[], string[]] = [[], [], []];
  const informer = openInformer(kube, ConfigMap, {
    clock,
    random: () => 0,
    onError: (error) => errors.push(error),
    ...options,
  });
  informers.push(informer);
  kube.intercept(({ verb }) => void calls.push(verb));
  informer.onChange((change) => changes.push(describeChange(change)));
  await clock.settle();
  return { kube, clock, informer, changes, errors, calls };
}

describe("informer", () => {
  test("holds what is listed and follows what is watched", async () => {
    const { kube, clock, informer, changes } = await open(
      {},
      openFakeKube({ objects: [configMap("a"), configMap("b")] }),
    );
    await informer.synced;
    expect(informer.isSynced).toBe(true);
    expect(changes).toEqual(["+a", "+b"]);
    kube.put({ ...configMap("a"), data: { a: "2" } } as ConfigMap);
    await kube.delete(ConfigMap, { namespace: "n", name: "b" });
    kube.put(configMap("c"));
    await clock.settle();
    expect(changes.slice(2)).toEqual(["~a", "-b", "+c"]);
    expect(informer.get({ namespace: "n", name: "a" })?.data).toEqual({ a: "2" });
    expect(informer.list("n").map(({ metadata }) => metadata.name)).toEqual(["a", "c"]);
    expect(informer.list("other")).toEqual([]);
  });

  test("is not synced while the server cannot be reached, and lists with growing delays until it can", async () => {
    const kube = openFakeKube({ objects: [configMap("a")] });
    const clock = fakeClock();
    const callsAtMs: number[] = [];
    kube.intercept(() => {
      callsAtMs.push(clock.monotonicMs());
      if (callsAtMs.length <= 10) throw new UnavailableError("down");
    });
    const { informer } = await openOn(kube, clock);
    await clock.advance(1000);
    expect(informer.isSynced).toBe(false);
    await clock.advance(200_000);
    expect(informer.isSynced).toBe(true);
    const delays = callsAtMs.slice(1, 11).map((atMs, index) => atMs - (callsAtMs[index] ?? 0));
    expect(delays).toEqual([200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]);
  });

  test("watches on from where it was after a lost connection: no list, nothing missed", async () => {
    const { kube, clock, calls, changes } = await open();
    kube.breakWatches(new UnavailableError("connection lost"));
    kube.put(configMap("a"));
    await clock.advance(1000);
    expect(changes).toEqual(["+a"]);
    expect(calls.filter((verb) => verb === "list")).toHaveLength(0);
  });

  test("watches on at once when the server ends a watch in good order, and slowly when it does so at once", async () => {
    const { kube, clock, calls } = await open();
    await clock.advance(60_000);
    calls.length = 0;
    kube.breakWatches();
    await clock.settle();
    expect(calls).toEqual(["watch"]);
    kube.breakWatches();
    await clock.settle();
    expect(calls).toEqual(["watch"]);
    await clock.advance(500);
    expect(calls).toEqual(["watch", "watch"]);
  });

  test.each([
    ["the version is too old", new ExpiredError("too old")],
    ["watching is forbidden for a while", new ForbiddenError("no")],
    [
      "the server lost its storage and knows no such version yet",
      new UnavailableError("x", { details: { causes: [{ reason: "ResourceVersionTooLarge" }] } }),
    ],
    ["something is wrong that nobody foresaw", new TypeError("?")],
  ])("lists again when %s, and tells what was missed", async (_name, error) => {
    const kube = openFakeKube({ objects: [configMap("gone"), configMap("kept"), configMap("changed")] });
    const { clock, changes, calls } = await open({}, kube);
    changes.length = 0;
    kube.breakWatches(error);
    await kube.delete(ConfigMap, { namespace: "n", name: "gone" });
    kube.put({ ...configMap("changed"), data: { a: "2" } } as ConfigMap);
    kube.put(configMap("new"));
    kube.compact();
    await clock.advance(1000);
    expect(changes).toEqual(["-gone", "~changed", "+new"]);
    expect(calls).toContain("list");
  });

  test("lists again at once when a server comes back and knows no such version, but not over and over", async () => {
    const { kube, clock, calls } = await open();
    kube.intercept(({ verb }) => {
      calls.push(verb);
      if (verb === "watch") throw clock.monotonicMs() < 20_000 ? new UnavailableError("down") : new ExpiredError("old");
    });
    kube.breakWatches(new UnavailableError("lost"));
    await clock.advance(19_999);
    calls.length = 0;
    await clock.advance(10_000);
    expect(calls.slice(0, 3)).toEqual(["watch", "list", "watch"]);
    expect(calls.length).toBeLessThan(20);
  });

  test("an object that was deleted and made anew in the meantime is told as both", async () => {
    const kube = openFakeKube({ objects: [configMap("a")] });
    const { clock, changes } = await open({}, kube);
    changes.length = 0;
    kube.breakWatches(new ExpiredError("too old"));
    await kube.delete(ConfigMap, { namespace: "n", name: "a" });
    await kube.create(ConfigMap, configMap("a"));
    kube.compact();
    await clock.advance(1000);
    expect(changes).toEqual(["-a", "+a"]);
  });

  test("bookmarks carry the version on, so that a quiet kind's watch does not expire", async () => {
    const { kube, clock, calls } = await open();
    for (const name of ["x", "y"]) kube.put({ ...configMap(name), kind: "Secret" });
    kube.bookmark();
    await clock.settle();
    kube.compact();
    kube.breakWatches(new UnavailableError("lost"));
    await clock.advance(1000);
    expect(calls).not.toContain("list");
  });

  test("finds by index, as objects come, change and go", async () => {
    const indexes = { byLabel: ({ metadata }: ConfigMap) => Object.values(metadata.labels ?? {}) };
    const kube = openFakeKube({ objects: [configMap("a", { l: "1" }), configMap("b", { l: "1", m: "2" })] });
    const { clock, informer } = await open({ indexes }, kube);
    const names = (value: string): (string | undefined)[] =>
      informer.byIndex("byLabel", value).map(({ metadata }) => metadata.name);
    expect([names("1"), names("2"), names("3")]).toEqual([["a", "b"], ["b"], []]);
    kube.put(configMap("b", { m: "3" }));
    await kube.delete(ConfigMap, { namespace: "n", name: "a" });
    await clock.settle();
    expect([names("1"), names("2"), names("3")]).toEqual([[], [], ["b"]]);
    expect(() => informer.byIndex("undeclared", "x")).toThrow('no index "undeclared"');
  });

  test("shrinks what it keeps, drops managedFields, and freezes it", async () => {
    const object = configMap("a");
    Object.assign(object.metadata, { managedFields: [{}] });
    const transform = ({ data: _dropped, ...rest }: ConfigMap): ConfigMap => rest;
    const { informer } = await open({ transform }, openFakeKube({ objects: [object] }));
    const [kept] = informer.list();
    expect(kept).not.toHaveProperty("data");
    expect(kept?.metadata).not.toHaveProperty("managedFields");
    expect(() => Object.assign(kept?.metadata.labels ?? {}, { l: "v" })).toThrow(TypeError);
  });

  test("a listener that throws does not stop the others, nor the informer", async () => {
    const { kube, clock, informer, changes, errors } = await open();
    informer.onChange(() => {
      throw new Error("listener");
    });
    const later: string[] = [];
    const unsubscribe = informer.onChange((change) => later.push(describeChange(change)));
    kube.put(configMap("a"));
    await clock.settle();
    unsubscribe();
    kube.put(configMap("b"));
    await clock.settle();
    expect([changes, later]).toEqual([["+a", "+b"], ["+a"]]);
    expect(errors.map(({ message }) => message)).toEqual(["listener", "listener"]);
  });

  test("leaves nothing behind when closed, at whatever moment", async () => {
    for (const settleFirst of [true, false]) {
      const { informer, clock, kube, changes } = await open();
      if (settleFirst) kube.breakWatches(new UnavailableError("lost"));
      await informer.close();
      kube.put(configMap("late"));
      await clock.settle();
      expect([clock.pendingTimers, changes]).toEqual([0, []]);
    }
  });
});

async function openOn(kube: FakeKube, clock: FakeClock): Promise<{ informer: Informer<ConfigMap> }> {
  const informer = openInformer(kube, ConfigMap, { clock, random: () => 0 });
  informers.push(informer);
  await clock.settle();
  return { informer };
}
