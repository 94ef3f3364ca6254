import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { recordsAt, valueAt, type JsonObject } from "../api-object.ts";
import { openApiServer, type ApiServer } from "../open-api-server.ts";
import { makeRawClient, type RawAnswer, type RawClient } from "../testing/raw-client.ts";

let server: ApiServer;
let client: RawClient;
beforeAll(async () => {
  server = await openApiServer({ listen: [{ host: "127.0.0.1", port: 0 }] });
  client = makeRawClient(server);
  await client.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", { body: crd });
});
afterAll(() => server.close());

const integer = { type: "integer" };
const crd = {
  metadata: { name: "herds.test.dev" },
  spec: {
    group: "test.dev",
    names: { kind: "Herd", plural: "herds" },
    scope: "Namespaced",
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        subresources: {
          status: {},
          scale: {
            specReplicasPath: ".spec.heads",
            statusReplicasPath: ".status.heads",
            labelSelectorPath: ".status.selector",
          },
        },
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: { type: "object", properties: { heads: integer, breed: { type: "string" } } },
              status: { type: "object", properties: { heads: integer, selector: { type: "string" } } },
            },
          },
        },
      },
    ],
  },
};

const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "dev.local/x" }] } };
const deployment = { metadata: { name: "d" }, spec: { replicas: 1, selector: { matchLabels: { a: "b" } }, template } };
const herd = { apiVersion: "test.dev/v1", kind: "Herd", metadata: { name: "d" }, spec: { heads: 1, breed: "x" } };
const patchTypes = { json: "json-patch", merge: "merge-patch", strategic: "strategic-merge-patch" } as const;

describe.each([
  ["/apis/apps/v1/namespaces/default/deployments", deployment, "replicas"],
  ["/apis/test.dev/v1/namespaces/default/herds", herd, "heads"],
])("the scale of %s", (collection, object, field) => {
  const path = `${collection}/d`;
  beforeAll(async () => {
    expect((await client.call("POST", collection, { body: object })).code).toBe(201);
  });
  const patch = (type: string, body: unknown, query = "fieldManager=p"): Promise<RawAnswer> =>
    client.call("PATCH", `${path}/scale?${query}`, { body, contentType: `application/${type}` });
  const inObject = async (): Promise<unknown> => valueAt((await client.call("GET", path)).json, "spec", field);

  test.each([
    [patchTypes.json, [{ op: "add", path: "/spec/replicas", value: 2 }], 2],
    [patchTypes.merge, { spec: { replicas: 3 } }, 3],
    [patchTypes.strategic, { spec: { replicas: 4 } }, 4],
  ])("takes a %s", async (type, body, want) => {
    const { code, json } = await patch(`${type}+json`, body);
    expect([code, json["kind"], valueAt(json, "spec", "replicas")]).toEqual([200, "Scale", want]);
    expect(await inObject()).toBe(want);
  });

  test("is applied by an owner, whom an apply of the object itself meets", async () => {
    const { code, json } = await patch(
      "apply-patch+yaml",
      "{kind: Scale, spec: {replicas: 5}}",
      "fieldManager=scaler&force=true",
    );
    expect([code, json["kind"], valueAt(json, "spec", "replicas")]).toEqual([200, "Scale", 5]);
    const found = (await client.call("GET", path)).json;
    expect(recordsAt(found, "metadata", "managedFields")).toContainEqual(
      expect.objectContaining({
        manager: "scaler",
        operation: "Apply",
        subresource: "scale",
        apiVersion: found["apiVersion"],
        fieldsV1: { "f:spec": { [`f:${field}`]: {} } },
      }),
    );
    const contentType = "application/apply-patch+yaml";
    const applied = { apiVersion: found["apiVersion"], kind: found["kind"], spec: { [field]: 1 } } as JsonObject;
    const refused = await client.call("PATCH", `${path}?fieldManager=user`, { body: applied, contentType });
    expect(refused.code).toBe(409);
    expect(refused.json["message"]).toContain(`conflict with "scaler" with subresource "scale": .spec.${field}`);
    expect(await inObject()).toBe(5);
  });

  test("changed by an update, changes its owner too", async () => {
    const { json } = await client.call("GET", `${path}/scale`);
    const body = { ...json, spec: { replicas: 6 } };
    expect((await client.call("PUT", `${path}/scale?fieldManager=editor`, { body })).code).toBe(200);
    const entries = recordsAt((await client.call("GET", path)).json, "metadata", "managedFields");
    const owners = entries.filter(({ subresource }) => subresource === "scale").map(({ manager }) => manager);
    expect(owners).toEqual(["editor"]);
  });

  test("is refused without an owner, below zero, and when it is another's", async () => {
    expect((await patch("apply-patch+yaml", "{spec: {replicas: 1}}", "")).json["message"]).toContain("fieldManager");
    const negative = await patch("merge-patch+json", { spec: { replicas: -1 } });
    expect([negative.code, negative.json["message"]]).toEqual([422, expect.stringContaining("spec.replicas")]);
    expect((await patch("merge-patch+json", { metadata: { resourceVersion: "1" } })).code).toBe(409);
    const missing = await client.call("PATCH", `${collection}/none/scale?fieldManager=x`, {
      body: "{spec: {replicas: 1}}",
      contentType: "application/apply-patch+yaml",
    });
    expect(missing.code).toBe(404);
  });
});
