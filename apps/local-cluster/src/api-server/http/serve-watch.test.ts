import { request } from "node:https";
import type { IncomingMessage } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { ConfigMap, Namespace } from "@kelvin/kube";
import { openApiServer, type ApiServer } from "../open-api-server.ts";
import { makeRawClient, type RawClient } from "../testing/raw-client.ts";

let server: ApiServer;
let client: RawClient;
beforeAll(async () => {
  server = await openApiServer({ listen: [{ host: "127.0.0.1", port: 0 }] });
  client = makeRawClient(server);
});
afterAll(() => server.close());

const initialEvents =
  "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&fieldSelector=metadata.name%3Ddefault";

describe("every event of a watch has the form its client asked for, bookmarks too", () => {
  test.each([
    ["application/json", "Namespace", "v1"],
    [
      "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json",
      "PartialObjectMetadata",
      "meta.k8s.io/v1",
    ],
    ["application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", "PartialObjectMetadata", "meta.k8s.io/v1"],
    ["application/json;as=Table;g=meta.k8s.io;v=v1", "Table", "meta.k8s.io/v1"],
  ])("%s", async (accept, kind, apiVersion) => {
    const [added, bookmark] = await client.lines(`/api/v1/namespaces?${initialEvents}`, 2, accept);
    expect(added).toMatchObject({ type: "ADDED", object: { kind, apiVersion } });
    expect(bookmark).toMatchObject({ type: "BOOKMARK", object: { kind, apiVersion } });
    expect(JSON.stringify(bookmark)).toContain('"k8s.io/initial-events-end":"true"');
    expect(bookmark).toMatchObject({ object: { metadata: { resourceVersion: expect.stringMatching(/^\d+$/) } } });
  });
});

describe("a watch whose client does not read", () => {
  function openWatch(path: string): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${server.adminToken}` };
      const sent = request(`${server.url}${path}`, { ca: server.caCert, headers }, resolve);
      sent.on("error", reject);
      sent.end();
    });
  }

  test("is cut off, and nobody else notices", async () => {
    await server.kube.create(Namespace, { metadata: { name: "slow" } });
    await server.kube.create(ConfigMap, { metadata: { name: "c", namespace: "slow" } });
    const path = "/api/v1/namespaces/slow/configmaps?watch=1";
    const watching = await openWatch(path);
    watching.pause();
    const ended = new Promise<string>((resolve) => {
      watching.on("error", (error) => resolve(error.message));
      watching.on("end", () => resolve("ended"));
    });
    const text = "x".repeat(500_000);
    for (let index = 0; index < 60; index++) {
      const patch = { type: "merge", body: { data: { text: `${index}${text}` } } } as const;
      await server.kube.patch(ConfigMap, { namespace: "slow", name: "c" }, patch);
    }
    const last = (await client.lines(path, 1))[0];
    expect(JSON.stringify(last).includes(`"59xxx`)).toBe(true);
    let bytes = 0;
    watching.on("data", (chunk: Buffer) => (bytes += chunk.length));
    expect(await ended).toBe("aborted");
    expect(bytes).toBeLessThan(60 * text.length);
  });
});
