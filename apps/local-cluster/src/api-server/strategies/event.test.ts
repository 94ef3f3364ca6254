import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { valueAt, type JsonObject } from "../api-object.ts";
import { openApiServer, type ApiServer } from "../open-api-server.ts";
import { makeRawClient, type RawClient } from "../testing/raw-client.ts";

let server: ApiServer;
let client: RawClient;
beforeAll(async () => {
  server = await openApiServer({ listen: [{ host: "127.0.0.1", port: 0 }] });
  client = makeRawClient(server);
  expect((await client.call("POST", newEvents, { body: event })).code).toBe(201);
});
afterAll(() => server.close());

const oldEvents = "/api/v1/namespaces/default/events";
const newEvents = "/apis/events.k8s.io/v1/namespaces/default/events";
const event = {
  apiVersion: "events.k8s.io/v1",
  kind: "Event",
  metadata: { name: "e" },
  eventTime: "2026-01-01T00:00:00.000001Z",
  reportingController: "test.dev/controller",
  reportingInstance: "one",
  action: "Trying",
  reason: "Tried",
  type: "Normal",
  note: "It works.",
  regarding: { apiVersion: "v1", kind: "Pod", namespace: "default", name: "p" },
};

test("an event of the new API is one of the old, under the old names, and back", async () => {
  const { json } = await client.call("GET", `${oldEvents}/e`);
  expect(json).toMatchObject({
    apiVersion: "v1",
    kind: "Event",
    message: "It works.",
    involvedObject: event.regarding,
    reportingComponent: "test.dev/controller",
    eventTime: event.eventTime,
  });
  expect(json).not.toHaveProperty("note");
  const { metadata: _, ...fields } = event;
  expect((await client.call("GET", `${newEvents}/e`)).json).toMatchObject(fields);
});

test("either API changes the same object, and its watchers see it in their own", async () => {
  const watched = [oldEvents, newEvents].map((path) =>
    client.lines(`${path}?watch=1&fieldSelector=metadata.name%3De`, 2),
  );
  const patch = { series: { count: 2, lastObservedTime: "2026-01-01T00:00:01.000000Z" }, note: "Again." };
  const contentType = "application/strategic-merge-patch+json";
  expect((await client.call("PATCH", `${newEvents}/e`, { body: patch, contentType })).code).toBe(200);
  const [old, current] = await Promise.all(watched);
  expect(old?.[1]).toMatchObject({
    type: "MODIFIED",
    object: { apiVersion: "v1", message: "Again.", series: { count: 2 } },
  });
  expect(current?.[1]).toMatchObject({ type: "MODIFIED", object: { apiVersion: "events.k8s.io/v1", note: "Again." } });
});

test.each([
  [oldEvents, "involvedObject.name=p,involvedObject.kind=Pod,reason=Tried,source=test.dev/controller", 1],
  [oldEvents, "type!=Normal", 0],
  [newEvents, "regarding.name=p,regarding.namespace=default,reportingController=test.dev/controller", 1],
  [newEvents, "regarding.name=q", 0],
])("%s are selected by %s", async (path, fieldSelector, want) => {
  const { json } = await client.call("GET", `${path}?fieldSelector=${encodeURIComponent(fieldSelector)}`);
  expect(valueAt(json, "items")).toHaveLength(want);
});

test("a field that cannot be selected by is told, with those that can", async () => {
  const { code, json } = await client.call("GET", `${newEvents}?fieldSelector=involvedObject.name%3Dp`);
  expect([code, json["message"]]).toEqual([
    400,
    "field label not supported: involvedObject.name; events can be selected by metadata.name, metadata.namespace, reason, " +
      "regarding.apiVersion, regarding.fieldPath, regarding.kind, regarding.name, regarding.namespace, " +
      "regarding.resourceVersion, regarding.uid, reportingController, type",
  ]);
});

test("both print the same table", async () => {
  const accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
  const cells = async (path: string): Promise<unknown> =>
    (valueAt((await client.call("GET", path, { accept })).json, "rows") as JsonObject[])[0]?.["cells"];
  const [old, current] = [await cells(oldEvents), await cells(newEvents)];
  expect(old).toEqual(expect.arrayContaining(["Normal", "Tried", "pod/p", "test.dev/controller", "Again.", 2]));
  expect(current).toEqual(expect.arrayContaining(["Normal", "Tried", "pod/p", "test.dev/controller", "Again.", 2]));
});
