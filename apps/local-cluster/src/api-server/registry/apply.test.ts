import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { ConfigMap, Deployment } from "@kelvin/kube";
import { recordAt, valueAt, type JsonObject } from "../api-object.ts";
import { openApiServer, type ApiServer } from "../open-api-server.ts";
import { makeRawClient, type RawAnswer, type RawClient } from "../testing/raw-client.ts";

let server: ApiServer;
let client: RawClient;
beforeAll(async () => {
  server = await openApiServer({ listen: [{ host: "127.0.0.1", port: 0 }] });
  client = makeRawClient(server);
  await client.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", { body: gadgets });
});
afterAll(() => server.close());

const deployments = "/apis/apps/v1/namespaces/default/deployments";
const configMaps = "/api/v1/namespaces/default/configmaps";

const stringType = { type: "string" };
const keyed = { type: "object", required: ["name"], properties: { name: stringType, value: stringType } };
const listOf = (items: JsonObject, more: JsonObject = {}): JsonObject => ({ type: "array", items, ...more });
const gadgets = {
  metadata: { name: "gadgets.test.dev" },
  spec: {
    group: "test.dev",
    scope: "Namespaced",
    names: { plural: "gadgets", kind: "Gadget" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: {
                type: "object",
                properties: {
                  plain: listOf(stringType),
                  tags: listOf(stringType, { "x-kubernetes-list-type": "set" }),
                  parts: listOf(keyed, { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] }),
                  whole: {
                    type: "object",
                    additionalProperties: stringType,
                    "x-kubernetes-map-type": "atomic",
                  },
                },
              },
              status: { type: "object", properties: { phase: stringType, note: stringType } },
            },
          },
        },
      },
    ],
  },
};

function apply(path: string, manager: string, body: unknown): Promise<RawAnswer> {
  const query = `?fieldManager=${manager}`;
  return client.call("PATCH", `${path}${query}`, { body, contentType: "application/apply-patch+yaml" });
}

function gadget(name: string, spec: JsonObject): JsonObject {
  return { apiVersion: "test.dev/v1", kind: "Gadget", metadata: { name }, spec };
}
const gadgetPath = (name: string): string => `/apis/test.dev/v1/namespaces/default/gadgets/${name}`;

function configMap(name: string, data: JsonObject): JsonObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data };
}

function deployment(
  name: string,
  { replicas, containers }: { replicas?: number; containers: JsonObject[] },
): JsonObject {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers } };
  const spec = { ...(replicas === undefined ? {} : { replicas }), selector: { matchLabels: labels }, template };
  return { apiVersion: "apps/v1", kind: "Deployment", metadata: { name }, spec };
}

const ownersOf = ({ json }: RawAnswer): string[] =>
  (recordAt(json, "metadata")["managedFields"] as JsonObject[] | undefined)?.map(
    ({ manager, operation }) => `${String(manager)}/${String(operation)}`,
  ) ?? [];

describe("applying", () => {
  test("creates, notes what is owned without the defaults, and does nothing the second time", async () => {
    const body = deployment("web", { containers: [{ name: "c", image: "x", ports: [{ containerPort: 80 }] }] });
    const created = await apply(`${deployments}/web`, "me", body);
    expect(created.code).toBe(201);
    const [entry] = recordAt(created.json, "metadata")["managedFields"] as JsonObject[];
    expect(entry).toMatchObject({ manager: "me", operation: "Apply", apiVersion: "apps/v1", fieldsType: "FieldsV1" });
    expect(recordAt(entry, "fieldsV1", "f:spec")).toEqual({
      "f:selector": {},
      "f:template": {
        "f:metadata": { "f:labels": { "f:app": {} } },
        "f:spec": {
          "f:containers": {
            'k:{"name":"c"}': {
              ".": {},
              "f:name": {},
              "f:image": {},
              "f:ports": { 'k:{"containerPort":80,"protocol":"TCP"}': { ".": {}, "f:containerPort": {} } },
            },
          },
        },
      },
    });
    const again = await apply(`${deployments}/web`, "me", body);
    expect(again.code).toBe(200);
    expect(again.json).toEqual(created.json);
  });

  test("takes away what is no longer applied, with the defaults inside it, and leaves what others own", async () => {
    const path = `${deployments}/less`;
    const full = { name: "a", image: "x", livenessProbe: { httpGet: { port: 80 } }, env: [{ name: "A", value: "1" }] };
    const sidecar = { name: "b", image: "y" };
    await apply(path, "one", deployment("less", { replicas: 3, containers: [full, sidecar] }));
    await apply(path, "two", deployment("less", { containers: [{ name: "b", image: "y", tty: true }] }));
    const { json } = await apply(path, "one", deployment("less", { containers: [{ name: "a", image: "x" }] }));
    expect(valueAt(json, "spec", "replicas")).toBe(1);
    const containers = valueAt(json, "spec", "template", "spec", "containers") as JsonObject[];
    expect(
      containers.map(({ name, image, tty, livenessProbe, env }) => ({ name, image, tty, livenessProbe, env })),
    ).toEqual([
      { name: "a", image: "x" },
      { name: "b", image: "y", tty: true },
    ]);
  });

  test("a dry run shows the outcome and keeps nothing", async () => {
    const { code, json } = await apply(`${configMaps}/dry`, "me&dryRun=All", configMap("dry", { a: "1" }));
    expect([code, json["data"]]).toEqual([201, { a: "1" }]);
    expect((await client.call("GET", `${configMaps}/dry`)).code).toBe(404);
  });

  test.each([
    {
      name: "no manager",
      path: "x?force=true",
      body: configMap("x", {}),
      code: 422,
      text: "fieldManager: Required value",
    },
    {
      name: "an unknown field",
      path: "x?fieldManager=me",
      body: { ...configMap("x", {}), colour: "red" },
      code: 500,
      text: "failed to create typed patch object (default/x; v1, Kind=ConfigMap): .colour: field not declared in schema",
    },
    {
      name: "owners in the body",
      path: "x?fieldManager=me",
      body: { metadata: { managedFields: [] } },
      code: 400,
      text: "metadata.managedFields must be nil",
    },
    { name: "another name", path: "x?fieldManager=me", body: configMap("y", {}), code: 400, text: "does not match" },
    { name: "no object", path: "x?fieldManager=me", body: "- 1", code: 400, text: "must be a ConfigMap" },
  ])("refuses $name", async ({ path, body, code, text }) => {
    const answer = await client.call("PATCH", `${configMaps}/${path}`, {
      body,
      contentType: "application/apply-patch+yaml",
    });
    expect(answer.code).toBe(code);
    expect(answer.json["message"]).toContain(text);
  });
});

describe("conflicts", () => {
  test("name each field and owner, until force takes them", async () => {
    const path = `${configMaps}/shared`;
    await apply(path, "one", configMap("shared", { a: "1", b: "1" }));
    expect(ownersOf(await apply(path, "two", configMap("shared", { a: "1" })))).toEqual(["one/Apply", "two/Apply"]);
    const single = await apply(path, "two", configMap("shared", { b: "2" }));
    expect(single.code).toBe(409);
    expect(single.json).toMatchObject({
      reason: "Conflict",
      message: 'Apply failed with 1 conflict: conflict with "one": .data.b',
      details: { causes: [{ reason: "FieldManagerConflict", message: 'conflict with "one"', field: ".data.b" }] },
    });
    const both = await apply(path, "three", configMap("shared", { a: "2", b: "2" }));
    expect(both.json["message"]).toBe(
      'Apply failed with 3 conflicts: conflicts with "one":\n- .data.a\n- .data.b\nconflicts with "two":\n- .data.a',
    );
    const forced = await apply(path, "three&force=true", configMap("shared", { a: "2", b: "2" }));
    expect(forced.json["data"]).toEqual({ a: "2", b: "2" });
    expect(ownersOf(forced)).toEqual(["three/Apply"]);
  });

  test("an update owns what it changed, also in-process, and loses it with the field", async () => {
    const path = `${deployments}/scaled`;
    const body = deployment("scaled", { replicas: 1, containers: [{ name: "c", image: "x" }] });
    await apply(path, "me", body);
    const key = { namespace: "default", name: "scaled" };
    await server.kube.patch(Deployment, key, { type: "merge", body: { spec: { replicas: 4 } } });
    const { json } = await apply(path, "me", body);
    expect(json["message"]).toMatch(/conflict with "kelvin-control-plane" using apps\/v1 at .*: \.spec\.replicas$/);
    const given = await apply(path, "me", deployment("scaled", { containers: [{ name: "c", image: "x" }] }));
    expect(valueAt(given.json, "spec", "replicas")).toBe(4);
    expect(ownersOf(given)).toEqual(["me/Apply", "kelvin-control-plane/Update"]);
  });

  test("the fields from before the first apply belong to their maker", async () => {
    await server.kube.create(ConfigMap, { metadata: { name: "old", namespace: "default" }, data: { a: "1", b: "1" } });
    const path = `${configMaps}/old`;
    const refused = await apply(path, "me", configMap("old", { a: "2" }));
    expect(refused.json["message"]).toContain('conflict with "before-first-apply" using v1');
    const forced = await apply(path, "me&force=true", configMap("old", { a: "2" }));
    expect(forced.json["data"]).toEqual({ a: "2", b: "1" });
  });

  test("kubectl takes over what it applied itself on the client", async () => {
    const applied = JSON.stringify(configMap("mine", { a: "1" }));
    const annotations = { "kubectl.kubernetes.io/last-applied-configuration": applied };
    const metadata = { name: "mine", namespace: "default", annotations };
    await server.kube.create(ConfigMap, { metadata, data: { a: "1" } });
    expect((await apply(`${configMaps}/mine`, "me", configMap("mine", { a: "2" }))).code).toBe(409);
    expect((await apply(`${configMaps}/mine`, "kubectl", configMap("mine", { a: "2" }))).code).toBe(200);
  });
});

describe("owners", () => {
  test("are not kept for objects that were never applied server-side", async () => {
    await client.call("POST", configMaps, {
      body: { ...configMap("plain", {}), metadata: { name: "plain", managedFields: [{}] } },
    });
    const { json } = await client.call("PATCH", `${configMaps}/plain`, {
      body: { data: { a: "1" } },
      contentType: "application/merge-patch+json",
    });
    expect(recordAt(json, "metadata")["managedFields"]).toBeUndefined();
  });

  test("are forgotten when a client asks with one empty entry, and kept when it sends none", async () => {
    const path = `${configMaps}/forget`;
    await apply(path, "me", configMap("forget", { a: "1" }));
    const kept = await client.call("PUT", path, { body: configMap("forget", { a: "2" }) });
    expect(ownersOf(kept)).toEqual(["unknown/Update"]);
    const body = { ...configMap("forget", { a: "2" }), metadata: { name: "forget", managedFields: [{}] } };
    expect(ownersOf(await client.call("PUT", path, { body }))).toEqual([]);
  });

  test("of many updates are merged beyond ten", async () => {
    const path = `${configMaps}/many`;
    await apply(path, "me", configMap("many", { a: "1" }));
    let answer: RawAnswer | undefined;
    for (let count = 0; count < 13; count++) {
      answer = await client.call("PATCH", `${path}?fieldManager=m${count}`, {
        body: { data: { [`k${count}`]: "1" } },
        contentType: "application/merge-patch+json",
      });
    }
    const owners = answer === undefined ? [] : ownersOf(answer);
    expect(owners).toHaveLength(11);
    expect(owners).toContain("ancient-changes/Update");
  });
});

describe("custom kinds follow the list types of their schema", () => {
  test("plain lists and atomic maps as a whole, sets by value, maps by key", async () => {
    const path = gadgetPath("g");
    const spec = { plain: ["a"], tags: ["x"], parts: [{ name: "p", value: "1" }], whole: { a: "1" } };
    const created = await apply(path, "one", gadget("g", spec));
    const [entry] = recordAt(created.json, "metadata")["managedFields"] as JsonObject[];
    expect(recordAt(entry, "fieldsV1", "f:spec")).toEqual({
      "f:plain": {},
      "f:tags": { 'v:"x"': {} },
      "f:parts": { 'k:{"name":"p"}': { ".": {}, "f:name": {}, "f:value": {} } },
      "f:whole": {},
    });
    const second = await apply(path, "two", gadget("g", { tags: ["y"], parts: [{ name: "q" }] }));
    expect(second.json["spec"]).toEqual({
      ...spec,
      tags: ["x", "y"],
      parts: [{ name: "p", value: "1" }, { name: "q" }],
    });
    expect((await apply(path, "two", gadget("g", { plain: ["b"] }))).code).toBe(409);
    expect((await apply(path, "two", gadget("g", { whole: { b: "1" } }))).code).toBe(409);
    const less = await apply(path, "one", gadget("g", { whole: { a: "1" } }));
    expect(less.json["spec"]).toEqual({ tags: ["y"], parts: [{ name: "q" }], whole: { a: "1" } });
  });

  test("the status has owners of its own", async () => {
    const path = gadgetPath("s");
    await apply(path, "one", gadget("s", { plain: ["a"] }));
    const body = { ...gadget("s", {}), status: { phase: "Ready", note: "n" } };
    const { json } = await apply(`${path}/status`, "two", body);
    expect(json).toMatchObject({ spec: { plain: ["a"] }, status: { phase: "Ready" } });
    expect(recordAt(json, "metadata")["managedFields"]).toContainEqual(
      expect.objectContaining({
        manager: "two",
        subresource: "status",
        fieldsV1: { "f:status": { "f:phase": {}, "f:note": {} } },
      }),
    );
    const less = await apply(`${path}/status`, "two", { ...body, status: { phase: "Ready" } });
    expect(less.json["status"]).toEqual({ phase: "Ready" });
    expect((await apply(`${gadgetPath("none")}/status`, "two", gadget("none", {}))).code).toBe(404);
  });

  test("an item that stands twice is refused", async () => {
    const { json } = await apply(gadgetPath("d"), "me", gadget("d", { parts: [{ name: "p" }, { name: "p" }] }));
    expect(json["message"]).toContain('.spec.parts: duplicate entries for key [name="p"]');
  });
});
