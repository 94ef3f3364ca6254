import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import * as k8s from "@kubernetes/client-node"; // oxlint-disable-line no-restricted-imports -- it is what is tested here
import { openApiServer, type ApiServer } from "./open-api-server.ts";

// The official client for JavaScript, as a program of anybody's would use it. Its exec is tried on a real Pod, in test/.

let server: ApiServer;
let config: k8s.KubeConfig;
beforeAll(async () => {
  server = await openApiServer({ listen: [{ host: "127.0.0.1", port: 0 }] });
  config = new k8s.KubeConfig();
  config.loadFromClusterAndUser(
    { name: "c", server: server.url, caData: Buffer.from(server.caCert).toString("base64"), skipTLSVerify: false },
    { name: "u", token: server.adminToken },
  );
});
afterAll(() => server.close());

const namespace = "default";
const withType = (type: string): k8s.ConfigurationOptions => k8s.setHeaderOptions("Content-Type", type);

describe("@kubernetes/client-node", () => {
  test("creates, reads, replaces, patches in three ways and deletes", async () => {
    const core = config.makeApiClient(k8s.CoreV1Api);
    const made = await core.createNamespacedConfigMap({
      namespace,
      body: { metadata: { name: "m" }, data: { a: "1" } },
    });
    expect(made.metadata?.creationTimestamp).toBeInstanceOf(Date);
    const body = { metadata: made.metadata ?? {}, data: { a: "2" } };
    const replaced = await core.replaceNamespacedConfigMap({ name: "m", namespace, body });
    // It sends times with milliseconds; what changes nothing else makes no new version.
    const again = await core.replaceNamespacedConfigMap({ name: "m", namespace, body: replaced });
    expect(again.metadata?.resourceVersion).toBe(replaced.metadata?.resourceVersion);
    const patches: [string, unknown][] = [
      [k8s.PatchStrategy.JsonPatch, [{ op: "add", path: "/data/b", value: "3" }]],
      [k8s.PatchStrategy.MergePatch, { data: { c: "4" } }],
      [k8s.PatchStrategy.StrategicMergePatch, { data: { d: "5" } }],
    ];
    for (const [type, patch] of patches) {
      await core.patchNamespacedConfigMap({ name: "m", namespace, body: patch }, withType(type));
    }
    const found = await core.readNamespacedConfigMap({ name: "m", namespace });
    expect(found.data).toEqual({ a: "2", b: "3", c: "4", d: "5" });
    await expect(core.replaceNamespacedConfigMap({ name: "m", namespace, body })).rejects.toMatchObject({ code: 409 });
    await core.deleteNamespacedConfigMap({ name: "m", namespace });
    await expect(core.readNamespacedConfigMap({ name: "m", namespace })).rejects.toMatchObject({ code: 404 });
  });

  test("applies on the server, and meets conflicts", async () => {
    const objects = k8s.KubernetesObjectApi.makeApiClient(config);
    const apply = (value: string, manager: string, force = false): Promise<k8s.V1ConfigMap> =>
      objects.patch(
        { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "applied", namespace }, data: { a: value } },
        undefined,
        undefined,
        manager,
        force,
        k8s.PatchStrategy.ServerSideApply,
      );
    await apply("1", "one");
    await expect(apply("2", "two")).rejects.toMatchObject({ code: 409 });
    const { data, metadata } = await apply("2", "two", true);
    expect(data).toEqual({ a: "2" });
    expect(metadata?.managedFields?.map(({ manager }) => manager)).toEqual(["two"]);
  });

  test("its informer has what is there, and hears of changes once each", async () => {
    const core = config.makeApiClient(k8s.CoreV1Api);
    const informer = k8s.makeInformer(config, `/api/v1/namespaces/${namespace}/secrets`, () =>
      core.listNamespacedSecret({ namespace }),
    );
    const heard: string[] = [];
    let wake = (): void => undefined;
    for (const verb of ["add", "update", "delete"] as const) {
      informer.on(verb, (object) => {
        heard.push(`${verb} ${object.metadata?.name ?? ""}`);
        wake();
      });
    }
    informer.on("error", () => undefined);
    const until = async (line: string): Promise<void> => {
      while (!heard.includes(line)) await new Promise<void>((resolve) => (wake = resolve));
    };
    await core.createNamespacedSecret({ namespace, body: { metadata: { name: "s" } } });
    await informer.start();
    await until("add s");
    await core.patchNamespacedSecret(
      { name: "s", namespace, body: { stringData: { a: "b" } } },
      withType(k8s.PatchStrategy.MergePatch),
    );
    await until("update s");
    expect(informer.get("s", namespace)?.data).toEqual({ a: "Yg==" });
    await core.deleteNamespacedSecret({ name: "s", namespace });
    await until("delete s");
    await informer.stop();
    expect(heard).toEqual(["add s", "update s", "delete s"]);
  });

  test("its watch gives events in order, and ends when it is aborted", async () => {
    const events: string[] = [];
    let wake = (): void => undefined;
    const query = { timeoutSeconds: 20, allowWatchBookmarks: true, fieldSelector: "metadata.name=watched" };
    const done = new Promise<void>((resolve) => {
      const watch = new k8s.Watch(config);
      const onEvent = (type: string, object: k8s.KubernetesObject): void => {
        events.push(`${type} ${object.kind ?? ""}`);
        wake();
      };
      watch
        .watch("/api/v1/configmaps", query, onEvent, () => resolve())
        .then(async (controller) => {
          const core = config.makeApiClient(k8s.CoreV1Api);
          await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: "watched" } } });
          await core.deleteNamespacedConfigMap({ name: "watched", namespace });
          while (events.length < 2) await new Promise<void>((next) => (wake = next));
          controller.abort();
        })
        .catch(() => resolve());
    });
    await done;
    expect(events).toEqual(["ADDED ConfigMap", "DELETED ConfigMap"]);
  });
});
