import { describe, expect, test } from "@jest/globals";
import type { RoutingTableReport } from "@kelvin/api/scaling";
import { EndpointSlice, openInformer } from "@kelvin/kube";
import { endpointSlice, fakeClock, inNamespace, openFakeKube } from "@kelvin/testkit";
import { listActivators } from "./activator-endpoints.ts";
import { openActivatorTables, type TableAsk } from "./activator-tables.ts";
import { parseTable } from "./fetch-table.ts";

const internalPort = (slice: EndpointSlice) => {
  slice.ports = [
    { name: "http", port: 8080 },
    { name: "internal", port: 8090 },
  ];
};
const slice = (addresses: readonly string[]) =>
  endpointSlice("activator", addresses, inNamespace("knative-serving"), internalPort);

/** Activators whose answers the test gives. */
function fakeActivators() {
  const asks: (TableAsk & { answer: (report: RoutingTableReport) => void; fail: (error: Error) => void })[] = [];
  return {
    asks,
    fetchTable(ask: TableAsk): Promise<RoutingTableReport> {
      const { promise, resolve, reject } = Promise.withResolvers<RoutingTableReport>();
      asks.push({ ...ask, answer: resolve, fail: reject });
      ask.signal.addEventListener("abort", () => reject(new Error("aborted")), { once: true });
      return promise;
    },
  };
}

async function openScene(addresses: readonly string[]) {
  const clock = fakeClock();
  const kube = openFakeKube({ clock, objects: [slice(addresses)] });
  const slices = openInformer(kube, EndpointSlice, { clock });
  await slices.synced;
  const activators = fakeActivators();
  const changes: (readonly string[] | undefined)[] = [];
  const tables = openActivatorTables({
    slices,
    clock,
    fetchTable: (ask) => activators.fetchTable(ask),
    onChange: (keys) => changes.push(keys),
  });
  const close = () => Promise.all([tables.close(), slices.close()]);
  return { clock, kube, tables, changes, asks: activators.asks, close };
}

const report = (version: number, ingresses: Record<string, number>, bootId = "boot") => ({
  bootId,
  version,
  ingresses,
});

describe("what the activators serve", () => {
  test("is asked of each ready activator, and again from the version it gave", async () => {
    const { clock, tables, changes, asks, close } = await openScene(["10.0.0.1", "10.0.0.2"]);
    expect(asks.map(({ authority, sinceVersion }) => [authority, sinceVersion])).toEqual([
      ["10.0.0.1:8090", 0],
      ["10.0.0.2:8090", 0],
    ]);
    asks[0]?.answer(report(7, { "default/hello": 1, "default/other": 3 }));
    await clock.advance(10);
    expect(tables.appliedBy("default/hello")).toEqual([
      { activator: "10.0.0.1", generation: 1 },
      { activator: "10.0.0.2", generation: undefined },
    ]);
    expect(changes).toEqual([undefined, ["default/hello", "default/other"]]);
    expect(asks.at(-1)).toMatchObject({ authority: "10.0.0.1:8090", sinceVersion: 7 });

    asks.at(-1)?.answer(report(8, { "default/hello": 2, "default/other": 3 }));
    await clock.advance(10);
    expect(changes.at(-1)).toEqual(["default/hello"]);
    await close();
  });

  test("an activator that comes or goes concerns every Ingress", async () => {
    const { clock, kube, tables, changes, asks, close } = await openScene(["10.0.0.1"]);
    kube.put(slice(["10.0.0.2"]));
    await clock.advance(10);
    expect(changes.at(-1)).toBeUndefined();
    expect(asks[0]?.signal.aborted).toBe(true);
    expect(tables.appliedBy("default/hello")).toEqual([{ activator: "10.0.0.2", generation: undefined }]);
    await close();
  });

  test("one that fails keeps its last word, and is asked for everything once it is back", async () => {
    const { clock, tables, asks, close } = await openScene(["10.0.0.1"]);
    asks[0]?.answer(report(7, { "default/hello": 1 }));
    await clock.advance(10);
    asks[1]?.fail(new Error("connection refused"));
    await clock.advance(100);
    expect(tables.appliedBy("default/hello")).toEqual([{ activator: "10.0.0.1", generation: 1 }]);
    expect(asks[2]?.sinceVersion).toBe(0);
    await close();
    expect(clock.pendingTimers).toBe(0);
  });
});

test("only ready endpoints with the internal port count, each once", () => {
  const notReady = slice(["10.0.0.3"]);
  for (const endpoint of notReady.endpoints ?? []) endpoint.conditions = { ready: false };
  const withoutPort = slice(["10.0.0.4"]);
  withoutPort.ports = [{ name: "http", port: 8080 }];
  const named = slice(["fd00::1"]);
  for (const endpoint of named.endpoints ?? []) endpoint.targetRef = { kind: "Pod", name: "activator-x" };
  expect(listActivators([slice(["10.0.0.1"]), slice(["10.0.0.1"]), notReady, withoutPort, named])).toEqual([
    { name: "10.0.0.1", authority: "10.0.0.1:8090" },
    { name: "activator-x", authority: "[fd00::1]:8090" },
  ]);
});

test("a table that is none is refused", () => {
  expect(parseTable(report(1, { "a/b": 2 }))).toEqual(report(1, { "a/b": 2 }));
  for (const wrong of [
    undefined,
    [],
    {},
    { bootId: "b", version: "1", ingresses: {} },
    report(1, { "a/b": "2" as never }),
  ]) {
    expect(() => parseTable(wrong)).toThrow(TypeError);
  }
});
