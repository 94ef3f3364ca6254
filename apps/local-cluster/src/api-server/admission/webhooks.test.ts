import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { ConfigMap, EndpointSlice, Namespace, CoreService, type KubeClient } from "@kelvin/kube";
import { issueCertificates, type KeyPair } from "@kelvin/x509";
import { recordAt, stringAt, type JsonObject } from "../api-object.ts";
import { openApiServer, type ApiServer } from "../open-api-server.ts";
import { makeRawClient, type RawClient } from "../testing/raw-client.ts";

// A webhook server of our own, with a certificate of its own, behind a Service as in a cluster.

type Answer = (request: JsonObject) => JsonObject | "hang" | "nonsense";

let api: ApiServer;
let client: RawClient;
let webhookServer: Server;
let ca: KeyPair;
let answer: Answer;
let asked: JsonObject[] = [];

beforeAll(async () => {
  const made = issueCertificates({
    now: new Date(),
    authority: { name: "test", days: 1 },
    serving: { name: "hook", days: 1, names: ["hook.default.svc"], addresses: ["127.0.0.1"] },
  });
  ca = made.ca;
  webhookServer = createServer({ cert: made.serving.cert, key: made.serving.key }, (request, response) => {
    let text = "";
    request.on("data", (chunk) => (text += String(chunk)));
    request.on("end", () => {
      const review = JSON.parse(text) as JsonObject;
      const asking = recordAt(review, "request");
      asked.push(asking);
      const given = answer(asking);
      if (given === "hang") return;
      if (given === "nonsense") return void response.end("<html>");
      response.end(JSON.stringify({ ...review, response: { uid: asking["uid"], ...given } }));
    });
  });
  await new Promise<void>((resolve) => webhookServer.listen(0, "127.0.0.1", resolve));
  const { port } = webhookServer.address() as AddressInfo;
  api = await openApiServer({ listen: [{ host: "127.0.0.1", port: 0 }] });
  client = makeRawClient(api);
  await api.kube.create(CoreService, {
    metadata: { name: "hook", namespace: "default" },
    spec: { ports: [{ name: "https", port: 443, targetPort: port }] },
  });
  await api.kube.create(EndpointSlice, {
    metadata: { name: "hook-1", namespace: "default", labels: { "kubernetes.io/service-name": "hook" } },
    addressType: "IPv4",
    endpoints: [
      { addresses: ["127.0.0.9"], conditions: { ready: false } },
      { addresses: ["127.0.0.1"], conditions: { ready: true } },
    ],
    ports: [{ name: "https", port }],
  });
});
afterAll(async () => {
  webhookServer.closeAllConnections();
  webhookServer.close();
  await api.close();
});
beforeEach(async () => {
  asked = [];
  answer = () => ({ allowed: true });
  for (const kind of ["mutating", "validating"]) await client.call("DELETE", `${configurations(kind)}/hook`);
});

function configurations(kind: string): string {
  return `/apis/admissionregistration.k8s.io/v1/${kind}webhookconfigurations`;
}

interface HookOptions {
  readonly clientConfig?: JsonObject;
  readonly webhook?: JsonObject;
}

async function configure(kind: "mutating" | "validating", { clientConfig, webhook }: HookOptions = {}): Promise<void> {
  const body = {
    metadata: { name: "hook" },
    webhooks: [
      {
        name: "hook.test.dev",
        clientConfig: {
          caBundle: Buffer.from(ca.cert).toString("base64"),
          ...(clientConfig ?? { service: { namespace: "default", name: "hook", path: "/admit" } }),
        },
        rules: [{ operations: ["*"], apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"] }],
        admissionReviewVersions: ["v1"],
        sideEffects: "None",
        timeoutSeconds: 1,
        ...webhook,
      },
    ],
  };
  expect((await client.call("POST", configurations(kind), { body })).code).toBe(201);
}

let count = 0;
async function create(data: JsonObject = {}, more: JsonObject = {}): Promise<{ code: number; json: JsonObject }> {
  count += 1;
  const body = { metadata: { name: `c${count}`, ...recordAt(more, "metadata") }, data };
  return client.call("POST", `/api/v1/namespaces/default/configmaps${stringAt(more, "query")}`, { body });
}

function patchOf(operations: JsonObject[]): JsonObject {
  return { allowed: true, patchType: "JSONPatch", patch: Buffer.from(JSON.stringify(operations)).toString("base64") };
}

describe("a mutating webhook behind a Service", () => {
  test("is shown the object, and changes it", async () => {
    await configure("mutating");
    answer = () => patchOf([{ op: "add", path: "/data/added", value: "yes" }]);
    const { code, json } = await create({ a: "1" });
    expect(code).toBe(201);
    expect(json["data"]).toEqual({ a: "1", added: "yes" });
    expect(asked[0]).toMatchObject({
      operation: "CREATE",
      namespace: "default",
      kind: { group: "", version: "v1", kind: "ConfigMap" },
      resource: { group: "", version: "v1", resource: "configmaps" },
      userInfo: { username: "kubernetes-admin" },
      object: { apiVersion: "v1", kind: "ConfigMap", data: { a: "1" } },
      oldObject: null,
      dryRun: false,
    });
  });

  test("sees both objects of an update", async () => {
    const { json } = await create({ a: "1" });
    await configure("mutating");
    const name = stringAt(json, "metadata", "name");
    await client.call("PATCH", `/api/v1/namespaces/default/configmaps/${name}`, {
      body: { data: { a: "2" } },
      contentType: "application/merge-patch+json",
    });
    expect(asked[0]).toMatchObject({
      operation: "UPDATE",
      name,
      object: { data: { a: "2" } },
      oldObject: { data: { a: "1" } },
    });
  });

  test("whose patch cannot be applied fails the write", async () => {
    await configure("mutating");
    answer = () => patchOf([{ op: "remove", path: "/data/nothing" }]);
    expect((await create()).code).toBe(500);
  });

  test("is asked by the control plane's own writes too", async () => {
    await configure("mutating");
    const kube: KubeClient = api.kube;
    await kube.create(ConfigMap, { metadata: { name: "internal", namespace: "default" } });
    expect(asked).toHaveLength(1);
  });
});

describe("a validating webhook", () => {
  test("denies in Kubernetes' words", async () => {
    await configure("validating");
    answer = () => ({ allowed: false, status: { code: 400, reason: "BadRequest", message: "validation failed: no" } });
    const { code, json } = await create();
    expect(code).toBe(400);
    expect(json["message"]).toBe('admission webhook "hook.test.dev" denied the request: validation failed: no');
  });

  test("denies without a reason as a bad request", async () => {
    await configure("validating");
    answer = () => ({ allowed: false });
    const { code, json } = await create();
    expect(code).toBe(400);
    expect(json["message"]).toBe('admission webhook "hook.test.dev" denied the request without explanation');
  });

  test("can keep an object from being deleted", async () => {
    const { json } = await create();
    await configure("validating");
    answer = ({ operation }) => ({ allowed: operation !== "DELETE", status: { message: "stays" } });
    const path = `/api/v1/namespaces/default/configmaps/${stringAt(json, "metadata", "name")}`;
    expect((await client.call("DELETE", path)).code).toBe(400);
    expect((await client.call("GET", path)).code).toBe(200);
  });

  test("may warn", async () => {
    await configure("validating");
    answer = () => ({ allowed: true, warnings: ["mind the gap"] });
    const answered = await client.call("POST", "/api/v1/namespaces/default/configmaps", {
      body: { metadata: { name: "warned" } },
    });
    expect(answered.headers["warning"]).toBe('299 - "mind the gap"');
  });
});

describe("a webhook that does not answer", () => {
  const ignore = { webhook: { failurePolicy: "Ignore" } };

  test.each([
    ["hangs", () => "hang" as const, {}, "context deadline exceeded"],
    ["answers nonsense", () => "nonsense" as const, {}, "is not valid JSON"],
    ["answers another question", () => ({ allowed: true, uid: "other" }), {}, "expected response.uid"],
    [
      "has no Service",
      () => ({ allowed: true }),
      { clientConfig: { service: { namespace: "default", name: "none" } } },
      'service "none" not found',
    ],
    [
      "has no endpoints",
      () => ({ allowed: true }),
      { clientConfig: { service: { namespace: "default", name: "kubernetes" } } },
      'no endpoints available for service "kubernetes"',
    ],
    [
      "has another certificate",
      () => ({ allowed: true }),
      { clientConfig: { service: { namespace: "default", name: "hook" }, caBundle: "" } },
      "certificate",
    ],
    ["listens nowhere", () => ({ allowed: true }), { clientConfig: { url: "https://127.0.0.1:1/x" } }, "ECONNREFUSED"],
  ])("because it %s fails the write, or is passed over", async (...[, given, options, text]) => {
    answer = given;
    await configure("validating", options);
    const { code, json } = await create();
    expect(code).toBe(500);
    expect(json["message"]).toContain(
      'Internal error occurred: failed calling webhook "hook.test.dev": failed to call webhook:',
    );
    expect(json["message"]).toContain(text);
    await client.call("DELETE", `${configurations("validating")}/hook`);
    await configure("validating", { ...options, ...ignore });
    expect((await create()).code).toBe(201);
  });
});

describe("a webhook is asked only about what it asked for", () => {
  test.each([
    [{ rules: [{ operations: ["UPDATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"] }] }, 0],
    [{ rules: [{ operations: ["CREATE"], apiGroups: ["apps"], apiVersions: ["v1"], resources: ["configmaps"] }] }, 0],
    [{ rules: [{ operations: ["CREATE"], apiGroups: ["*"], apiVersions: ["*"], resources: ["*"] }] }, 1],
    [
      { rules: [{ operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps/status"] }] },
      0,
    ],
    [
      {
        rules: [
          { operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"], scope: "Cluster" },
        ],
      },
      0,
    ],
    [{ objectSelector: { matchLabels: { pick: "me" } } }, 1],
    [{ objectSelector: { matchLabels: { pick: "other" } } }, 0],
    [
      {
        namespaceSelector: {
          matchExpressions: [{ key: "kubernetes.io/metadata.name", operator: "NotIn", values: ["default"] }],
        },
      },
      0,
    ],
    [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "default" } } }, 1],
  ])("%j", async (webhook, wanted) => {
    await configure("validating", { webhook });
    await create({}, { metadata: { labels: { pick: "me" } } });
    expect(asked).toHaveLength(wanted);
  });

  test("a Namespace is selected by its own labels", async () => {
    await configure("validating", {
      webhook: {
        rules: [{ operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["namespaces"] }],
        namespaceSelector: { matchLabels: { watched: "yes" } },
      },
    });
    await api.kube.create(Namespace, { metadata: { name: "unwatched" } });
    await api.kube.create(Namespace, { metadata: { name: "watched", labels: { watched: "yes" } } });
    expect(asked.map((request) => request["name"])).toEqual(["watched"]);
  });

  test("a dry run is not shown to one with side effects, but refused", async () => {
    await configure("validating", { webhook: { sideEffects: "Some" } });
    expect((await create({}, { query: "?dryRun=All" })).code).toBe(400);
    expect(asked).toEqual([]);
  });

  test("no webhook stands before the webhook configurations themselves", async () => {
    await configure("validating", {
      webhook: { rules: [{ operations: ["*"], apiGroups: ["*"], apiVersions: ["*"], resources: ["*/*", "*"] }] },
    });
    answer = () => ({ allowed: false });
    expect((await client.call("DELETE", `${configurations("validating")}/hook`)).code).toBe(200);
  });
});
