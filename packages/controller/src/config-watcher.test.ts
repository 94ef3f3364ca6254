import { afterEach, describe, expect, test } from "@jest/globals";
import { ConfigMap } from "@kelvin/kube";
import { configMap, fakeClock, openFakeKube } from "@kelvin/testkit";
import type { FakeClock, FakeKube } from "@kelvin/testkit";
import { openConfigWatcher } from "./config-watcher.ts";
import type { ConfigWatcher } from "./config-watcher.ts";

interface Limit {
  readonly max: number;
}

function parseLimit(entries: Readonly<Record<string, string>>): Limit {
  const max = Number(entries["max"] ?? "10");
  if (!Number.isInteger(max)) throw new TypeError(`max: "${entries["max"]}" is not a whole number`);
  return { max };
}

const sources = {
  limit: { configMap: "config-limit", parse: parseLimit },
  name: { configMap: "config-name", parse: ({ name = "none" }: Readonly<Record<string, string>>) => name },
};

interface World {
  kube: FakeKube;
  clock: FakeClock;
  watcher: ConfigWatcher<typeof sources>;
  events: string[];
}

const watchers: ConfigWatcher<typeof sources>[] = [];
afterEach(async () => {
  await Promise.all(watchers.splice(0).map((watcher) => watcher.close()));
});

async function open(...objects: ConfigMap[]): Promise<World> {
  const clock = fakeClock();
  const kube = openFakeKube({ clock, objects });
  const events: string[] = [];
  const warning = (_object: unknown, reason: string, message: string): void =>
    void events.push(`${reason}: ${message}`);
  const recorder = { normal: () => undefined, warning };
  const watcher = openConfigWatcher({ kube, clock, namespace: "default", sources, recorder });
  watchers.push(watcher);
  await clock.settle();
  return { kube, clock, watcher, events };
}

describe("config watcher", () => {
  test("reads what is there; what is missing means the defaults", async () => {
    const { watcher } = await open(configMap("config-limit", { max: "3" }));
    await watcher.synced;
    expect(watcher.current).toEqual({ limit: { max: 3 }, name: "none" });
    expect(Object.isFrozen(watcher.current)).toBe(true);
  });

  test("follows changes and deletions, and tells of each", async () => {
    const { kube, clock, watcher } = await open();
    const told: number[] = [];
    watcher.onChange((current, before) => told.push(before.limit.max, current.limit.max));
    kube.put(configMap("config-limit", { max: "3" }));
    await clock.settle();
    await kube.delete(ConfigMap, { namespace: "default", name: "config-limit" });
    await clock.settle();
    expect(told).toEqual([10, 3, 3, 10]);
  });

  test("keeps the last good value when a ConfigMap makes no sense, and says so", async () => {
    const { kube, clock, watcher, events } = await open(configMap("config-limit", { max: "3" }));
    kube.put(configMap("config-limit", { max: "many" }));
    await clock.settle();
    expect(watcher.current.limit).toEqual({ max: 3 });
    expect(events).toEqual(['InvalidConfig: max: "many" is not a whole number']);
    kube.put(configMap("config-limit", { max: "4" }));
    await clock.settle();
    expect(watcher.current.limit).toEqual({ max: 4 });
  });

  test("is not moved by other ConfigMaps, nor by metadata", async () => {
    const { kube, clock, watcher } = await open(configMap("config-limit", { max: "3" }));
    const before = watcher.current;
    kube.put(configMap("other", { max: "3" }));
    kube.put(configMap("config-limit", { max: "3" }, ({ metadata }) => (metadata.labels = { l: "v" })));
    await clock.settle();
    expect(watcher.current).toBe(before);
  });
});
