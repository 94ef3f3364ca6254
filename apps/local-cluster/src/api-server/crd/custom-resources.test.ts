import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { recordsAt, valueAt, type JsonObject } from "../api-object.ts";
import { openApiServer, type ApiServer } from "../open-api-server.ts";
import { makeRawClient, type RawAnswer, type RawClient } from "../testing/raw-client.ts";

let server: ApiServer;
let client: RawClient;
beforeAll(async () => {
  server = await openApiServer({ listen: [{ host: "127.0.0.1", port: 0 }] });
  client = makeRawClient(server);
  await client.call("POST", crds, { body: crd() });
});
afterAll(() => server.close());

const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const widgets = "/apis/test.dev/v1/namespaces/default/widgets";
const mergePatch = "application/merge-patch+json";

function crd(): JsonObject {
  const schema = {
    openAPIV3Schema: {
      type: "object",
      properties: {
        spec: { type: "object", properties: { size: { type: "integer", default: 1 }, color: { type: "string" } } },
        status: {
          type: "object",
          properties: { replicas: { type: "integer" }, ready: { type: "string" }, selector: { type: "string" } },
        },
      },
    },
  };
  const scale = {
    specReplicasPath: ".spec.size",
    statusReplicasPath: ".status.replicas",
    labelSelectorPath: ".status.selector",
  };
  return {
    metadata: { name: "widgets.test.dev" },
    spec: {
      group: "test.dev",
      scope: "Namespaced",
      names: { kind: "Widget", plural: "widgets", shortNames: ["wd"], categories: ["all", "toys"] },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema,
          subresources: { status: {}, scale },
          selectableFields: [{ jsonPath: ".spec.color" }],
          additionalPrinterColumns: [
            { name: "Color", type: "string", jsonPath: ".spec.color" },
            { name: "Ready", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
            { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
          ],
        },
        { name: "v1beta1", served: true, storage: false, schema, deprecated: true },
      ],
    },
  };
}

async function create(name: string, spec: JsonObject = {}): Promise<{ code: number; json: JsonObject }> {
  return client.call("POST", widgets, {
    body: { apiVersion: "test.dev/v1", kind: "Widget", metadata: { name }, spec },
  });
}

test("a CRD is established and in discovery the moment it is stored", async () => {
  const { json } = await client.call("GET", `${crds}/widgets.test.dev`);
  expect(json["status"]).toMatchObject({
    acceptedNames: { kind: "Widget", listKind: "WidgetList", singular: "widget" },
    storedVersions: ["v1"],
    conditions: [
      { type: "NamesAccepted", status: "True" },
      { type: "Established", status: "True" },
    ],
  });
  const group = await client.call("GET", "/apis/test.dev");
  expect(group.json).toMatchObject({ preferredVersion: { version: "v1" } });
  const document = await client.call("GET", "/openapi/v3/apis/test.dev/v1");
  expect(
    valueAt(document.json, "components", "schemas", "dev.test.v1.Widget", "properties", "spec", "properties", "size"),
  ).toEqual({ type: "integer", default: 1 });
});

test("objects are selected by the fields that the CRD says, and by no others", async () => {
  await create("selected-red", { color: "red" });
  await create("selected-blue", { color: "blue" });
  const select = (selector: string): Promise<RawAnswer> =>
    client.call("GET", `${widgets}?fieldSelector=${encodeURIComponent(selector)}`);
  const names = recordsAt((await select("spec.color=red,metadata.name!=w")).json, "items").map((item) =>
    valueAt(item, "metadata", "name"),
  );
  expect(names).toEqual(["selected-red"]);
  const { code, json } = await select("spec.size=1");
  expect([code, json["message"]]).toEqual([
    400,
    "field label not supported: spec.size; widgets can be selected by metadata.name, metadata.namespace, spec.color",
  ]);
  for (const name of ["selected-red", "selected-blue"]) await client.call("DELETE", `${widgets}/${name}`);
});

test.each([
  ["another name", (body: JsonObject) => ({ ...body, metadata: { name: "x.test.dev" } })],
  [
    "no storage version",
    (body: JsonObject) => ({
      ...body,
      spec: {
        ...(body["spec"] as JsonObject),
        versions: [{ name: "v1", served: true, storage: false, schema: { openAPIV3Schema: { type: "object" } } }],
      },
    }),
  ],
  [
    "no schema",
    (body: JsonObject) => ({
      ...body,
      spec: { ...(body["spec"] as JsonObject), versions: [{ name: "v1", served: true, storage: true }] },
    }),
  ],
  ["no scope", (body: JsonObject) => ({ ...body, spec: { ...(body["spec"] as JsonObject), scope: "" } })],
])("a CRD with %s is refused", async (_name, change) => {
  expect((await client.call("POST", `${crds}?dryRun=All`, { body: change(crd()) })).code).toBe(422);
});

test("objects are defaulted and pruned; unknown fields are an error where strictness is asked for, else a warning", async () => {
  expect((await create("a", { color: "red", odd: 1 })).json["spec"]).toEqual({ size: 1, color: "red" });
  const body = { apiVersion: "test.dev/v1", kind: "Widget", metadata: { name: "b" }, spec: { odd: 1 } };
  const strict = await client.call("POST", `${widgets}?fieldValidation=Strict`, { body });
  expect(strict.code).toBe(400);
  expect(strict.json["message"]).toContain('strict decoding error: unknown field "spec.odd"');
  const warned = await client.call("POST", `${widgets}?fieldValidation=Warn`, { body });
  expect(warned.headers["warning"]).toBe('299 - "unknown field \\"spec.odd\\""');
});

test("an update needs a resourceVersion, and status is a matter of its own", async () => {
  const { json } = await create("c", { color: "red" });
  const { resourceVersion, ...metadata } = json["metadata"] as JsonObject;
  const unversioned = await client.call("PUT", `${widgets}/c`, { body: { ...json, metadata } });
  expect(unversioned.code).toBe(422);
  expect(unversioned.json["message"]).toBe(
    'Widget.test.dev "c" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be specified for an update',
  );
  const body = { ...json, status: { ready: "yes" } };
  const updated = await client.call("PUT", `${widgets}/c`, { body });
  expect(updated.json["status"]).toBeUndefined();
  expect(valueAt(updated.json, "metadata", "resourceVersion")).toBe(resourceVersion);
  const status = await client.call("PUT", `${widgets}/c/status`, { body: { ...body, spec: { color: "blue" } } });
  expect(status.json).toMatchObject({ metadata: { generation: 1 }, spec: { color: "red" }, status: { ready: "yes" } });
});

test("a strategic merge patch of a custom object is refused with what is supported", async () => {
  const { code, json } = await client.call("PATCH", `${widgets}/a`, {
    body: {},
    contentType: "application/strategic-merge-patch+json",
  });
  expect(code).toBe(415);
  expect(json["message"]).toContain("application/merge-patch+json");
});

test("a declared scale works", async () => {
  await create("d", { size: 2 });
  const { json } = await client.call("PATCH", `${widgets}/d/scale`, {
    body: { spec: { replicas: 5 } },
    contentType: mergePatch,
  });
  expect(json).toMatchObject({ kind: "Scale", spec: { replicas: 5 } });
  expect(valueAt((await client.call("GET", `${widgets}/d`)).json, "spec", "size")).toBe(5);
});

test("columns are printed as declared", async () => {
  await create("printed", { color: "green" });
  const { json } = await client.call("GET", `${widgets}?fieldSelector=metadata.name%3Dprinted`, {
    accept: "application/json;as=Table;v=v1;g=meta.k8s.io",
  });
  expect(valueAt(json, "rows")).toMatchObject([{ cells: ["printed", "green", null, expect.stringMatching(/^\d+s$/)] }]);
});

test("each served version shows the same objects under its own name; an old one warns", async () => {
  const { json, headers } = await client.call("GET", "/apis/test.dev/v1beta1/namespaces/default/widgets/a");
  expect(json).toMatchObject({ apiVersion: "test.dev/v1beta1", kind: "Widget", metadata: { name: "a" } });
  expect(headers["warning"]).toContain("deprecated");
  const patched = await client.call("PATCH", "/apis/test.dev/v1beta1/namespaces/default/widgets/a", {
    body: { spec: { size: 7 } },
    contentType: mergePatch,
  });
  expect(patched.json).toMatchObject({ apiVersion: "test.dev/v1beta1", spec: { size: 7 } });
  expect((await client.call("GET", `${widgets}/a`)).json).toMatchObject({
    apiVersion: "test.dev/v1",
    spec: { size: 7 },
  });
});

test("with its CRD go all objects, those with finalizers when they are let go; then it may come back", async () => {
  await create("held");
  await client.call("PATCH", `${widgets}/held`, {
    body: { metadata: { finalizers: ["test.dev/hold"] } },
    contentType: mergePatch,
  });
  const deleted = await client.call("DELETE", `${crds}/widgets.test.dev`);
  expect(valueAt(deleted.json, "metadata", "deletionTimestamp")).toEqual(expect.any(String));
  expect((await create("late")).code).toBe(405);
  const gone = client.lines(
    `${crds}?watch=1&resourceVersion=${String(valueAt(deleted.json, "metadata", "resourceVersion"))}`,
    1,
  );
  await client.call("PATCH", `${widgets}/held`, { body: { metadata: { finalizers: null } }, contentType: mergePatch });
  expect((await gone)[0]).toMatchObject({ type: "DELETED" });
  expect((await client.call("GET", widgets)).code).toBe(404);
  expect((await client.call("POST", crds, { body: crd() })).code).toBe(201);
  expect(valueAt((await client.call("GET", widgets)).json, "items")).toEqual([]);
});
