import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { ConfigMap, Namespace } from "@kelvin/kube";
import { isRecord, recordAt, recordsAt, valueAt, type JsonObject } from "../api-object.ts";
import { openApiServer, type ApiServer } from "../open-api-server.ts";
import { makeRawClient, type RawAnswer, type RawClient } from "../testing/raw-client.ts";

let server: ApiServer;
let client: RawClient;
beforeAll(async () => {
  server = await openApiServer({ listen: [{ host: "127.0.0.1", port: 0 }] });
  client = makeRawClient(server);
});
afterAll(() => server.close());

async function namespaceWith(names: readonly string[]): Promise<string> {
  const namespace = `n${crypto.randomUUID().slice(0, 8)}`;
  await server.kube.create(Namespace, { metadata: { name: namespace } });
  for (const name of names) await put(namespace, name);
  return namespace;
}

const put = (namespace: string, name: string): Promise<unknown> =>
  server.kube.create(ConfigMap, { metadata: { name, namespace, labels: { odd: "yes" } }, data: { name } });

const list = (namespace: string, query: string, accept?: string): Promise<RawAnswer> =>
  client.call("GET", `/api/v1/namespaces/${namespace}/configmaps?${query}`, accept === undefined ? {} : { accept });

const namesOf = ({ json }: RawAnswer): string[] =>
  recordsAt(json, "items").map((item) => String(valueAt(item, "metadata", "name")));
const metadataOf = ({ json }: RawAnswer): JsonObject => recordAt(json, "metadata");
const tokenOf = (answer: RawAnswer): string => encodeURIComponent(String(metadataOf(answer)["continue"]));

describe("a list in pages", () => {
  test("shows the state of its first page to the end", async () => {
    const namespace = await namespaceWith(["a", "b", "c", "d", "e"]);
    const first = await list(namespace, "limit=2");
    expect(namesOf(first)).toEqual(["a", "b"]);
    expect(metadataOf(first)["remainingItemCount"]).toBe(3);

    await server.kube.delete(ConfigMap, { namespace, name: "d" });
    await put(namespace, "aa");
    await put(namespace, "cc");
    await server.kube.patch(ConfigMap, { namespace, name: "e" }, { type: "merge", body: { data: { name: "new" } } });

    const second = await list(namespace, `limit=2&continue=${tokenOf(first)}`);
    expect(namesOf(second)).toEqual(["c", "d"]);
    expect(metadataOf(second)).toMatchObject({
      remainingItemCount: 1,
      resourceVersion: metadataOf(first)["resourceVersion"],
    });
    const third = await list(namespace, `limit=2&continue=${tokenOf(second)}`);
    expect(namesOf(third)).toEqual(["e"]);
    expect(valueAt(recordsAt(third.json, "items")[0], "data", "name")).toBe("e");
    expect(metadataOf(third)["continue"]).toBeUndefined();
  });

  test("does not count what is left of a selection, and pages tables and metadata too", async () => {
    const namespace = await namespaceWith(["a", "b", "c"]);
    const selected = await list(namespace, "limit=1&labelSelector=odd");
    expect(metadataOf(selected)).toMatchObject({ continue: expect.any(String) });
    expect(metadataOf(selected)["remainingItemCount"]).toBeUndefined();
    const table = await list(namespace, "limit=1", "application/json;as=Table;v=v1;g=meta.k8s.io");
    expect(metadataOf(table)).toMatchObject({ remainingItemCount: 2, continue: expect.any(String) });
    const partial = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
    const metadata = await list(namespace, `limit=1&continue=${tokenOf(table)}`, partial);
    expect(metadata.json).toMatchObject({ kind: "PartialObjectMetadataList", apiVersion: "meta.k8s.io/v1" });
    expect(namesOf(metadata)).toEqual(["b"]);
    expect(Object.keys(recordsAt(metadata.json, "items")[0] ?? {}).sort()).toEqual(["apiVersion", "kind", "metadata"]);
  });

  test("any state comes whole, whatever the limit", async () => {
    const namespace = await namespaceWith(["a", "b"]);
    expect(namesOf(await list(namespace, "limit=1&resourceVersion=0"))).toEqual(["a", "b"]);
  });

  test("goes on with what there is by then once its state is forgotten", async () => {
    const namespace = await namespaceWith(["a", "b", "c"]);
    const first = await list(namespace, "limit=1");
    const key = { namespace, name: "c" };
    for (let count = 0; count < 2_100; count++) {
      await server.kube.patch(ConfigMap, key, { type: "merge", body: { data: { name: String(count) } } });
    }
    await put(namespace, "bb");
    const gone = await list(namespace, `limit=5&continue=${tokenOf(first)}`);
    expect(gone.code).toBe(410);
    expect(gone.json).toMatchObject({ reason: "Expired", metadata: { continue: expect.any(String) } });
    const rest = await list(namespace, `limit=2&continue=${tokenOf(gone)}`);
    expect(namesOf(rest)).toEqual(["b", "bb"]);
    expect(namesOf(await list(namespace, `limit=2&continue=${tokenOf(rest)}`))).toEqual(["c"]);
  });
});

describe("a list of one exact state", () => {
  test("is what was there then", async () => {
    const namespace = await namespaceWith(["a"]);
    const before = String(metadataOf(await list(namespace, ""))["resourceVersion"]);
    await put(namespace, "b");
    await server.kube.delete(ConfigMap, { namespace, name: "a" });
    const exact = `resourceVersion=${before}&resourceVersionMatch=Exact`;
    expect(namesOf(await list(namespace, exact))).toEqual(["a"]);
    expect(namesOf(await list(namespace, exact.replace("Exact", "NotOlderThan")))).toEqual(["b"]);
    expect(namesOf(await list(namespace, `resourceVersion=${before}&limit=5`))).toEqual(["a"]);
    expect((await list(namespace, "resourceVersion=1&resourceVersionMatch=Exact")).code).toBe(410);
    const future = await list(namespace, `resourceVersion=${before}999`);
    expect(future.code).toBe(504);
    expect(valueAt(future.json, "details", "causes")).toMatchObject([{ reason: "ResourceVersionTooLarge" }]);
  });
});

test.each([
  ["resourceVersionMatch=Exact", 422],
  ["resourceVersionMatch=Some&resourceVersion=1", 422],
  ["resourceVersionMatch=Exact&resourceVersion=0", 422],
  ["resourceVersionMatch=NotOlderThan&resourceVersion=1&continue=x", 422],
  ["sendInitialEvents=true", 422],
  ["resourceVersion=5&continue=x", 400],
  ["continue=x", 400],
  [`continue=${Buffer.from('{"v":"meta.k8s.io/v1","rv":-2,"start":"a"}').toString("base64url")}`, 400],
  [`continue=${Buffer.from('{"v":"meta.k8s.io/v1","rv":99999999999999,"start":"/a"}').toString("base64url")}`, 410],
  ["limit=-1", 400],
])("%s is refused with %i", async (query, code) => {
  const answer = await list("default", query);
  expect(answer.code).toBe(code);
  expect(isRecord(answer.json) && answer.json["kind"]).toBe("Status");
});
