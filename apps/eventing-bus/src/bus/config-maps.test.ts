import { afterEach, expect, test } from "@jest/globals";
import { createLogger } from "@kelvin/http-service";
import { ConfigMap, openInformer } from "@kelvin/kube";
import { configMap, fakeClock, inNamespace, openFakeKube } from "@kelvin/testkit";
import { openConfigMaps } from "./config-maps.ts";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function open(...objects: ConfigMap[]) {
  const kube = openFakeKube({ objects });
  const clock = fakeClock();
  const informer = openInformer(kube, ConfigMap, { namespace: "system" });
  await informer.synced;
  const log = createLogger("test", { level: "silent" });
  const maps = openConfigMaps({ kube, informer, systemNamespace: "system", clock, log });
  closers.push(
    () => maps.close(),
    () => informer.close(),
  );
  const told: string[] = [];
  maps.onChange(({ namespace, name }) => told.push(`${namespace}/${name}`));
  return { kube, clock, maps, told };
}

const of = (namespace: string, kind: string): ConfigMap =>
  configMap("c", { "channel-template-spec": kind, other: "x" }, inNamespace(namespace));

test("one of the system's namespace is watched", async () => {
  const { kube, clock, maps, told } = await open(of("system", "A"));
  expect(maps.find({ namespace: "system", name: "c" })?.data).toMatchObject({ "channel-template-spec": "A" });
  expect(maps.find({ namespace: "system", name: "d" })).toBeUndefined();
  kube.put(of("system", "B"));
  await clock.settle();
  expect([told, maps.find({ namespace: "system", name: "c" })?.data?.["channel-template-spec"]]).toEqual([
    ["system/c"],
    "B",
  ]);
});

test("one of another namespace is read when somebody asks, and again from time to time", async () => {
  const { kube, clock, maps, told } = await open(of("shop", "A"));
  const name = { namespace: "shop", name: "c" };
  expect(maps.find(name)).toBeUndefined();
  await maps.settled();
  expect([maps.find(name)?.data, told]).toEqual([{ "channel-template-spec": "A" }, ["shop/c"]]);
  kube.put(of("shop", "B"));
  await clock.advance(30_000);
  expect([maps.find(name)?.data, told.length]).toEqual([{ "channel-template-spec": "B" }, 2]);
  await clock.advance(60_000);
  expect(told.length).toBe(2);
});

test("a failure to read it is made good later", async () => {
  const { kube, clock, maps } = await open(of("shop", "A"));
  kube.intercept(() => {
    throw new Error("away");
  });
  maps.find({ namespace: "shop", name: "c" });
  await maps.settled();
  kube.intercept(undefined);
  await clock.advance(30_000);
  expect(maps.find({ namespace: "shop", name: "c" })?.data).toEqual({ "channel-template-spec": "A" });
});
