import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { recordAt, stringAt, valueAt, type JsonObject } from "../api-object.ts";
import { openApiServer, type ApiServer } from "../open-api-server.ts";
import { makeRawClient, type RawClient } from "../testing/raw-client.ts";

let server: ApiServer;
let client: RawClient;
let paths: JsonObject;
beforeAll(async () => {
  server = await openApiServer({ listen: [{ host: "127.0.0.1", port: 0 }] });
  client = makeRawClient(server);
  paths = recordAt((await client.call("GET", "/openapi/v3")).json, "paths");
});
afterAll(() => server.close());

const documentOf = async (path: string): Promise<JsonObject> =>
  (await client.call("GET", stringAt(paths, path, "serverRelativeURL"))).json;

test("the address of a document stays until its content changes", async () => {
  expect((await client.call("GET", "/openapi/v3")).json["paths"]).toEqual(paths);
});

test("every reference of every document leads somewhere", async () => {
  for (const path of Object.keys(paths)) {
    const document = await documentOf(path);
    const schemas = recordAt(document, "components", "schemas");
    const references = [...JSON.stringify(document).matchAll(/#\/components\/schemas\/([^"]+)/g)];
    expect(references.length).toBeGreaterThan(0);
    expect(references.map(([, name = ""]) => name).filter((name) => schemas[name] === undefined)).toEqual([]);
  }
});

describe("the schema of a built-in kind", () => {
  test("has types, list types and merge keys", async () => {
    const schemas = recordAt(await documentOf("api/v1"), "components", "schemas");
    expect(valueAt(schemas, "io.k8s.api.core.v1.PodSpec", "properties", "containers")).toEqual({
      type: "array",
      items: { $ref: "#/components/schemas/io.k8s.api.core.v1.Container" },
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["name"],
      "x-kubernetes-patch-strategy": "merge",
      "x-kubernetes-patch-merge-key": "name",
    });
    expect(recordAt(schemas, "io.k8s.api.core.v1.Container")["required"]).toContain("name");
    expect(valueAt(schemas, "io.k8s.api.core.v1.Pod", "x-kubernetes-group-version-kind")).toEqual([
      { group: "", version: "v1", kind: "Pod" },
    ]);
  });

  test("comes without bodies of patches, so that kubectl apply uses its own types", async () => {
    const document = await documentOf("apis/apps/v1");
    const patch = recordAt(document, "paths", "/apis/apps/v1/namespaces/{namespace}/deployments/{name}", "patch");
    expect(patch["x-kubernetes-action"]).toBe("patch");
    expect(patch["requestBody"]).toBeUndefined();
  });
});
