import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "@jest/globals";
import { silentLog } from "@kelvin/controller";
import { systemClock, type Pod } from "@kelvin/kube";
import { inNamespace, openFakeKube, pod, withLabels, type FakeKube } from "@kelvin/testkit";
import type { BusReport, ServedStream } from "../../model/report.ts";
import type { BusWatch } from "./bus-watch.ts";
import { openBusWatch } from "./open-bus-watch.ts";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A replica over real HTTP: answers at once with what it reports, and then when that changes. */
interface FakeReplica {
  set(changes: Partial<BusReport>): void;
  /** Closes every connection and answers none. */
  silence(): void;
}

async function replica(
  host: string,
  port: number,
  report: Partial<BusReport> = {},
): Promise<FakeReplica & { port: number }> {
  let current: BusReport = {
    bus: "nats",
    replica: host,
    version: "v0",
    synced: true,
    trouble: null,
    streams: {},
    consumers: {},
    ...report,
  };
  let edition = 0;
  const waiting = new Set<ServerResponse>();
  const server: Server = createServer((request, response) => {
    if (request.url?.endsWith(`after=${current.version}`) === true) waiting.add(response);
    else response.end(JSON.stringify(current));
  });
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  closers.push(close);
  return {
    port: (server.address() as AddressInfo).port,
    set(changes) {
      edition += 1;
      current = { ...current, version: `v${edition}`, ...changes };
      for (const response of waiting) response.end(JSON.stringify(current));
      waiting.clear();
    },
    silence() {
      close().catch(() => undefined);
    },
  };
}

const serving: ServedStream = { generation: 1, state: "serving", message: "" };

interface Place {
  readonly namespace?: string;
  readonly labels?: Record<string, string>;
}

function busPod(name: string, podIP: string | undefined, isReady = true): Pod {
  return podIn({}, name, { podIP, isReady });
}

function podIn(
  { namespace = "knative-eventing", labels = {} }: Place,
  name: string,
  { podIP, isReady = true }: { readonly podIP: string | undefined; readonly isReady?: boolean },
): Pod {
  const object = pod(
    name,
    inNamespace(namespace),
    withLabels({ "kelvin.dev/bus": "nats", bus: "nats", role: "dispatcher", ...labels }),
  );
  const conditions = [{ type: "Ready", status: isReady ? "True" : "False" }];
  return { ...object, status: { phase: "Running", ...(podIP === undefined ? {} : { podIP }), conditions } };
}

function watch(kube: FakeKube, port: number): BusWatch & { told: string[] } {
  const opened = openBusWatch({ kube, systemNamespace: "knative-eventing", clock: systemClock, log: silentLog, port });
  closers.push(() => opened.close());
  const told: string[] = [];
  opened.onChange((uids, buses) => told.push(...uids, ...[...buses].map((bus) => `bus ${bus}`)));
  return { ...opened, told };
}

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400 && !isSo(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(isSo()).toBe(true);
}

test("what the replicas say together, from the first moment and when it changes", async () => {
  const one = await replica("127.0.0.2", 0, { streams: { s: serving } });
  const two = await replica("127.0.0.3", one.port);
  const kube = openFakeKube({ objects: [busPod("one", "127.0.0.2"), busPod("two", "127.0.0.3")] });
  const buses = watch(kube, one.port);
  await buses.synced;
  expect([buses.names(), buses.find("nats")?.replicas, buses.find("nats")?.stream("s")]).toEqual([
    ["nats"],
    2,
    undefined,
  ]);
  expect(buses.find("kafka")).toBeUndefined();
  buses.told.length = 0;
  two.set({ streams: { s: serving } });
  await until(() => buses.find("nats")?.stream("s")?.state === "serving");
  expect(buses.told).toEqual(["s"]);
  two.set({ streams: { s: serving }, trouble: { sinceMs: 1, reason: "lost it" } });
  await until(() => buses.find("nats")?.trouble === "lost it");
  expect(buses.told).toEqual(["s", "bus nats"]);
});

test("replicas come and go with their Pods; one that has not seen everything does not count yet", async () => {
  const one = await replica("127.0.0.2", 0, { streams: { s: serving } });
  const two = await replica("127.0.0.3", one.port, { synced: false });
  const kube = openFakeKube();
  const buses = watch(kube, one.port);
  await buses.synced;
  expect(buses.find("nats")).toBeUndefined();
  kube.put(busPod("one", undefined, false));
  kube.put(busPod("one", "127.0.0.2"));
  await until(() => buses.find("nats")?.stream("s")?.state === "serving");
  expect(buses.told).toContain("bus nats");
  kube.put(busPod("two", "127.0.0.3", false));
  two.set({ synced: false });
  two.set({ synced: true, streams: {} });
  await until(() => buses.find("nats")?.replicas === 2);
  expect(buses.find("nats")?.stream("s")).toBeUndefined();
  const going = busPod("two", "127.0.0.3");
  kube.put({ ...going, metadata: { ...going.metadata, deletionTimestamp: "2026-01-01T00:00:00Z", finalizers: ["f"] } });
  await until(() => buses.find("nats")?.replicas === 1);
  expect(buses.find("nats")?.stream("s")?.state).toBe("serving");
});

test("one that falls silent is named, what it said last counts, and so it does while it starts again", async () => {
  const one = await replica("127.0.0.2", 0, { streams: { s: serving } });
  const kube = openFakeKube({ objects: [busPod("one", "127.0.0.2")] });
  const buses = watch(kube, one.port);
  await buses.synced;
  one.silence();
  await until(() => buses.find("nats")?.silent.includes("one") === true);
  expect(buses.find("nats")?.stream("s")?.state).toBe("serving");
  const again = await replica("127.0.0.2", one.port, { version: "w", synced: false });
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(buses.find("nats")?.stream("s")?.state).toBe("serving");
  again.set({ synced: true });
  await until(() => buses.find("nats")?.silent.length === 0);
  expect(buses.find("nats")?.stream("s")).toBeUndefined();
});

test.each<[string, Place, string[]]>([
  ["of a ClusterBus in the system namespace", {}, ["nats"]],
  ["of a Bus there", { labels: { busNamespace: "knative-eventing" } }, ["knative-eventing/nats"]],
  ["of a Bus elsewhere", { namespace: "a", labels: { busNamespace: "a" } }, ["a/nats"]],
  ["that calls itself a ClusterBus's elsewhere", { namespace: "a" }, ["a/nats"]],
  ["that calls itself another namespace's", { namespace: "a", labels: { busNamespace: "b" } }, ["a/nats"]],
  ["there that calls itself another namespace's", { labels: { busNamespace: "b" } }, []],
  ["of no name", { labels: { bus: "" } }, []],
])("a Pod %s speaks for its own bus alone", async (_what, place, want) => {
  const one = await replica("127.0.0.2", 0);
  const kube = openFakeKube({ objects: [podIn(place, "one", { podIP: "127.0.0.2" })] });
  const buses = watch(kube, one.port);
  await buses.synced;
  const ids = ["nats", "a/nats", "b/nats", "knative-eventing/nats"];
  expect(ids.filter((id) => buses.find(id) !== undefined)).toEqual(want);
  expect(buses.names()).toEqual(want.filter((id) => id === "nats"));
});

test("Pods of one name in two namespaces are two replicas of two buses", async () => {
  const one = await replica("127.0.0.2", 0, { bus: "a/nats", streams: { s: serving } });
  await replica("127.0.0.3", one.port, { bus: "b/nats" });
  const kube = openFakeKube({
    objects: [
      podIn({ namespace: "a" }, "one", { podIP: "127.0.0.2" }),
      podIn({ namespace: "b" }, "one", { podIP: "127.0.0.3" }),
    ],
  });
  const buses = watch(kube, one.port);
  await buses.synced;
  expect(["a/nats", "b/nats"].map((id) => buses.find(id)?.stream("s")?.state)).toEqual(["serving", undefined]);
  expect([buses.find("b/nats")?.replicas, buses.names()]).toEqual([1, []]);
});

test("replicas that never answer hold nobody up", async () => {
  const kube = openFakeKube({ objects: [busPod("one", "127.0.0.2")] });
  const closed = await replica("127.0.0.2", 0);
  closed.silence();
  const buses = watch(kube, closed.port);
  await buses.synced;
  expect([buses.find("nats")?.silent, buses.find("nats")?.stream("s")]).toEqual([["one"], undefined]);
});
