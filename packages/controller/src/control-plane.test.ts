import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { Lease, systemClock } from "@kelvin/kube";
import { configMap, inNamespace, openFakeKube, type FakeKube } from "@kelvin/testkit";
import { openControlPlane, type ControlPlane, type ControlPlaneKit } from "./control-plane.ts";

const sources = { size: { configMap: "config-size", parse: ({ size = "1" }) => parseSize(size) } };

function parseSize(size: string): number {
  if (!/^\d+$/.test(size)) throw new Error(`config-size: size: must be a number, was "${size}"`);
  return Number(size);
}

let kube: FakeKube;
let plane: ControlPlane;
let told: string[];
let read: PromiseWithResolvers<void>;

beforeEach(async () => {
  kube = openFakeKube({ objects: [sizeOf("2")] });
  told = [];
  read = Promise.withResolvers();
  plane = await openControlPlane({
    name: "gizmo-controller",
    kube,
    concurrency: 1,
    place: { systemNamespace: "gizmos", podName: "gc-1", host: "127.0.0.1", admissionPort: 0 },
    sources,
    informers: [{ synced: read.promise, close: async () => void told.push("informer closed") }],
    admission: { webhooks: () => [], mutatingConfigurations: [], validatingConfigurations: [] },
    openControllers: async (kit) => [openPart(kit)],
  });
});

afterEach(() => plane.close());

function openPart({ settings }: ControlPlaneKit<typeof sources>) {
  told.push(`opened with ${settings().size}`);
  return {
    resync: () => void told.push(`resynced with ${settings().size}`),
    close: async () => void told.push("controller closed"),
  };
}

const sizeOf = (size: string) => configMap("config-size", { size }, inNamespace("gizmos"));

async function until(look: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1000 && !look(); tries += 1) await systemClock.sleep(5);
  if (!look()) throw new Error(`never came about: ${look.toString()}; told: ${told.join("; ")}`);
}

test("controllers open once everything has been read, follow the settings, and close before what they read", async () => {
  await until(() => kube.objects(Lease)[0]?.spec?.holderIdentity === "gc-1");
  expect([told, plane.isReady]).toEqual([[], false]);
  read.resolve();
  await until(() => told.length === 1 && plane.isReady);
  kube.put(sizeOf("3"));
  await until(() => told.length === 2);
  await plane.close();
  expect(told).toEqual(["opened with 2", "resynced with 3", "controller closed", "informer closed"]);
  expect(kube.objects(Lease)[0]?.spec?.holderIdentity ?? "").toBe("");
});

test("a setting that makes no sense leaves the last good one in force", async () => {
  read.resolve();
  await until(() => told.length === 1);
  kube.put(sizeOf("many"));
  await until(() => told.length === 2);
  expect(told).toEqual(["opened with 2", "resynced with 2"]);
});

test("one that is closed before anything was read never opens its controllers", async () => {
  await until(() => kube.objects(Lease).length === 1);
  await plane.close();
  expect(told).toEqual(["informer closed"]);
});
