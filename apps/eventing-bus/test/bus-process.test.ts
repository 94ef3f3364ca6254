import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { Broker, Trigger } from "@kelvin/api/eventing/v1/kinds";
import { ConfigMap, Namespace, type Kind } from "@kelvin/kube";
import type { KubeObject } from "@kelvin/api";
import { findLastingPort } from "@kelvin/testkit/child-program";
import { openRealApi, until } from "./api-servers.ts";
import { broker, brokerConfig, call, EVENT, openSink, trigger } from "./bus-world.ts";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** The role `bus` as it is deployed: a process of its own, told everything by its environment. */
async function startBus(kubeconfig: string): Promise<{ process: ChildProcess; http: number; internal: number }> {
  const [http, internal] = [await findLastingPort(), await findLastingPort()];
  const main = join(import.meta.dirname, "../src/main.ts");
  const process = spawn(globalThis.process.execPath, ["--conditions=@kelvin/source", main], {
    env: {
      ROLE: "bus",
      BUS_NAME: "stub",
      POD_NAME: "stub-0",
      KUBECONFIG: kubeconfig,
      HTTP_PORT: String(http),
      INTERNAL_PORT: String(internal),
    },
    stdio: ["ignore", "ignore", "inherit"],
  });
  closers.push(async () => {
    if (process.exitCode !== null || process.signalCode !== null) return;
    process.kill("SIGKILL");
    await once(process, "exit");
  });
  await until(() => isReady(internal));
  return { process, http, internal };
}

async function isReady(internal: number): Promise<boolean> {
  const answer = await call(internal, { path: "/readyz", method: "GET" }).catch(() => undefined);
  return answer?.status === 200;
}

test("SIGTERM: not ready at once, senders are answered on, what is in memory is delivered, and the process ends well", async () => {
  const api = await openRealApi();
  closers.push(() => api.close());
  const { kube } = api;
  let status = 503;
  const sink = await openSink(() => status);
  closers.push(() => sink.close());
  const delivery = { retry: 100, backoffPolicy: "linear", backoffDelay: "PT0.2S" };
  await kube.create(Namespace, { metadata: { name: "shop" } });
  await kube.create(ConfigMap, brokerConfig() as ConfigMap);
  await kube.create(Broker, broker("orders", { delivery }));
  await kube.create(Trigger, trigger("t", undefined));
  const withUri = { observedGeneration: 1, subscriberUri: sink.url };
  const statusPatch = { type: "merge", body: { status: withUri } } as const;
  await kube.patch(Trigger as Kind<KubeObject>, { namespace: "shop", name: "t" }, statusPatch, {
    subresource: "status",
  });

  const { process, http, internal } = await startBus(api.kubeconfig ?? "");
  const post = (id: string) => call(http, { path: "/shop/orders", headers: { ...EVENT, "ce-id": id } });
  expect((await post("before")).status).toBe(202);
  await until(() => sink.received.length > 0);
  const ended = once(process, "exit");
  process.kill("SIGTERM");
  await until(async () => !(await isReady(internal)));
  expect((await post("after")).status).toBe(202);
  status = 202;
  expect(await ended).toEqual([0, null]);
  expect(new Set(sink.ids())).toEqual(new Set(["before", "after"]));
}, 60_000);
