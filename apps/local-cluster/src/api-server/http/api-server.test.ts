import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { ConfigMap, Namespace, Pod } from "@kelvin/kube";
import { recordAt, recordsAt, valueAt, type JsonObject } from "../api-object.ts";
import { openApiServer, type ApiServer } from "../open-api-server.ts";
import { makeRawClient, type RawAnswer, type RawClient } from "../testing/raw-client.ts";

let server: ApiServer;
let client: RawClient;
beforeAll(async () => {
  server = await openApiServer({ listen: [{ host: "127.0.0.1", port: 0 }] });
  client = makeRawClient(server);
});
afterAll(() => server.close());

const configMaps = "/api/v1/namespaces/default/configmaps";
const tableAccept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

function configMap(name: string, more: JsonObject = {}): JsonObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, ...more };
}

function pod(name: string): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: { containers: [{ name: "c", image: "dev.local/x", readinessProbe: { httpGet: { port: 80 } } }] },
  };
}

describe("who may ask", () => {
  test.each(["/healthz", "/livez", "/readyz", "/version", "/readyz/ping"])("everybody may read %s", async (path) => {
    expect((await client.call("GET", path, { token: undefined })).code).toBe(200);
  });

  test.each([undefined, "wrong", "a.b.c"])("with token %s the rest is Unauthorized", async (token) => {
    const { code, json } = await client.call("GET", "/api/v1/pods", { token });
    expect(code).toBe(401);
    expect(json).toMatchObject({ kind: "Status", status: "Failure", reason: "Unauthorized", message: "Unauthorized" });
  });

  test("a ServiceAccount may with its token, until the account is gone", async () => {
    await client.call("POST", "/api/v1/namespaces/default/serviceaccounts", { body: { metadata: { name: "robot" } } });
    const path = "/api/v1/namespaces/default/serviceaccounts/robot";
    const minted = await client.call("POST", `${path}/token`, { body: { spec: { expirationSeconds: 600 } } });
    expect(minted.code).toBe(201);
    const token = String(valueAt(minted.json, "status", "token"));
    // Known, and without any right so far.
    expect((await client.call("GET", configMaps, { token })).code).toBe(403);
    const who = await client.call("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", { token, body: {} });
    expect(valueAt(who.json, "status", "userInfo", "username")).toBe("system:serviceaccount:default:robot");
    const review = await client.call("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {
      body: { spec: { token } },
    });
    expect(review.json["status"]).toMatchObject({ authenticated: true });
    await client.call("DELETE", path);
    expect((await client.call("GET", configMaps, { token })).code).toBe(401);
  });

  test("a changed token is nobody's", async () => {
    const { token } = await server.kube
      .create(
        { group: "", version: "v1", kind: "ServiceAccount", plural: "serviceaccounts", namespaced: true },
        { metadata: { name: "t", namespace: "default" } },
      )
      .then(() =>
        server.mintServiceAccountToken({ namespace: "default", serviceAccountName: "t", expirationSeconds: 600 }),
      );
    expect((await client.call("GET", configMaps, { token })).code).toBe(403);
    expect((await client.call("GET", configMaps, { token: `${token.slice(0, -4)}AAAA` })).code).toBe(401);
  });
});

describe("bad input is told apart, and never stored", () => {
  test.each([
    { name: "no JSON", body: "{", code: 400, reason: "BadRequest" },
    { name: "no object", body: "[]", code: 400, reason: "BadRequest" },
    {
      name: "another kind",
      body: { apiVersion: "v1", kind: "Secret", metadata: { name: "x" } },
      code: 400,
      reason: "BadRequest",
    },
    {
      name: "another namespace",
      body: configMap("x", { metadata: { name: "x", namespace: "other" } }),
      code: 400,
      reason: "BadRequest",
    },
    { name: "a bad name", body: configMap("X!"), code: 422, reason: "Invalid" },
    { name: "no name", body: { metadata: {} }, code: 422, reason: "Invalid" },
    {
      name: "labels that are no strings",
      body: { metadata: { name: "x", labels: { a: 1 } } },
      code: 400,
      reason: "BadRequest",
    },
    { name: "too deep", body: `{"data":${"[".repeat(2_000)}${"]".repeat(2_000)}}`, code: 400, reason: "BadRequest" },
    {
      name: "too large",
      body: configMap("x", { data: { a: "a".repeat(4_000_000) } }),
      code: 413,
      reason: "RequestEntityTooLarge",
    },
    {
      name: "protobuf that is cut off",
      body: "k8s",
      contentType: "application/vnd.kubernetes.protobuf",
      code: 400,
      reason: "BadRequest",
    },
    { name: "another media type", body: "x", contentType: "text/plain", code: 415, reason: "UnsupportedMediaType" },
    { name: "a YAML bomb", body: yamlBomb(), contentType: "application/yaml", code: 400, reason: "BadRequest" },
  ])("$name", async ({ body, contentType, code, reason }) => {
    const answer = await client.call("POST", configMaps, {
      body,
      ...(contentType === undefined ? {} : { contentType }),
    });
    expect({ code: answer.code, reason: answer.json["reason"] }).toEqual({ code, reason });
    expect((await client.call("GET", `${configMaps}/x`)).code).toBe(404);
  });

  function yamlBomb(): string {
    const lines = ["a: &a [x,x,x,x,x,x,x,x,x]"];
    for (let index = 1; index < 12; index++) {
      const [before, now] = [String.fromCharCode(96 + index), String.fromCharCode(97 + index)];
      lines.push(`${now}: &${now} [*${before},*${before},*${before},*${before},*${before},*${before}]`);
    }
    return lines.join("\n");
  }

  test.each([
    ["/api/v1/nothings", 404],
    ["/apis/none.dev/v1/things", 404],
    ["/nothing", 404],
    ["/api/v1/namespaces/default/pods/p/nothing", 404],
    ["/api/v1/namespaces/default/nodes", 404],
    ["/%E0%A4%A", 404],
  ])("%s is %s", async (path, code) => {
    expect((await client.call("GET", path)).code).toBe(code);
  });

  test.each([
    ["labelSelector=a%3D%3D%3Db", 400],
    ["fieldSelector=spec.foo%3Db", 400],
    ["watch=1&sendInitialEvents=true", 422],
    ["watch=1&resourceVersion=x", 200],
  ])("a list with %s is %s", async (query, code) => {
    expect((await client.call("GET", `${configMaps}?${query}`)).code).toBe(code);
  });

  test("a label named __proto__ is a label", async () => {
    const body = '{"metadata":{"name":"proto"},"data":{"__proto__":"x","constructor":"y"}}';
    await client.call("POST", configMaps, { body });
    const { text } = await client.call("GET", `${configMaps}/proto`);
    expect(text).toContain('"data":{"__proto__":"x","constructor":"y"}');
  });

  test("an object patch sent as a JSON patch is refused, not a crash", async () => {
    await client.call("POST", configMaps, { body: configMap("patched") });
    const options = { body: { data: {} }, contentType: "application/json-patch+json" };
    expect((await client.call("PATCH", `${configMaps}/patched`, options)).code).toBe(400);
  });
});

test.each(["dryRun=Some", "fieldValidation=Loose", `fieldManager=${"m".repeat(129)}`])(
  "%s is refused",
  async (query) => {
    const { code, json } = await client.call("POST", `${configMaps}?${query}`, { body: configMap("x") });
    expect([code, json["reason"]]).toEqual([422, "Invalid"]);
  },
);

test("an Ingress is kept and shown, though nothing here serves it", async () => {
  const path = "/apis/networking.k8s.io/v1/namespaces/default/ingresses";
  const backend = { service: { name: "s", port: { number: 80 } } };
  const rules = [{ host: "a.dev", http: { paths: [{ path: "/", pathType: "Prefix", backend }] } }];
  const body = { metadata: { name: "i" }, spec: { ingressClassName: "c", rules, tls: [{ hosts: ["a.dev"] }] } };
  const made = await client.call("POST", `${path}?fieldValidation=Strict`, { body });
  expect(made.json["spec"]).toEqual(body.spec);
  const { json } = await client.call("GET", path, { accept: tableAccept });
  expect(valueAt(recordsAt(json, "rows")[0], "cells")).toEqual(["i", "c", "a.dev", "", "80, 443", expect.any(String)]);
  const { json: classes } = await client.call("POST", "/apis/networking.k8s.io/v1/ingressclasses", {
    body: { metadata: { name: "c" }, spec: { controller: "x.dev/y" } },
    accept: tableAccept,
  });
  expect(valueAt(recordsAt(classes, "rows")[0], "cells")).toEqual(["c", "x.dev/y", "<none>", expect.any(String)]);
});

describe("fields that a built-in kind does not have", () => {
  const pods = "/api/v1/namespaces/default/pods";
  const odd = (name: string): JsonObject => ({ ...pod(name), spec: { ...recordAt(pod(name), "spec"), colour: "red" } });

  test("are dropped with a warning, refused under Strict, and dropped silently under Ignore", async () => {
    const strict = await client.call("POST", `${pods}?fieldValidation=Strict`, { body: odd("odd") });
    expect(strict.code).toBe(400);
    expect(strict.json["message"]).toBe(
      'Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.colour"',
    );
    const warned = await client.call("POST", pods, { body: odd("odd") });
    expect(warned.code).toBe(201);
    expect(warned.headers["warning"]).toBe('299 - "unknown field \\"spec.colour\\""');
    expect(valueAt(warned.json, "spec", "colour")).toBeUndefined();
    const ignored = await client.call("PATCH", `${pods}/odd?fieldValidation=Ignore`, {
      body: { metadata: { labels: { a: "b" } }, spec: { colour: "red" } },
      contentType: "application/merge-patch+json",
    });
    expect(ignored.headers["warning"]).toBeUndefined();
    expect(valueAt(ignored.json, "spec", "colour")).toBeUndefined();
  });

  test("as are fields that stand twice", async () => {
    const body = '{"metadata":{"name":"twice"},"data":{"a":"1","a":"2"}}';
    const strict = await client.call("POST", `${configMaps}?fieldValidation=Strict`, { body });
    expect(strict.code).toBe(400);
    expect(strict.json["message"]).toContain('strict decoding error: duplicate field "data.a"');
    const warned = await client.call("POST", configMaps, { body });
    expect(warned.headers["warning"]).toBe('299 - "duplicate field \\"data.a\\""');
    expect(warned.json["data"]).toEqual({ a: "2" });
  });

  test("a wrong type is a bad request whatever was asked", async () => {
    const body = { metadata: { name: "typed" }, data: { a: 1 } };
    const { code, json } = await client.call("POST", `${configMaps}?fieldValidation=Ignore`, { body });
    expect(code).toBe(400);
    expect(json["message"]).toBe(
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data.a of type string',
    );
  });
});

describe("writes", () => {
  test("a time in a JavaScript Date's spelling, a null and an empty map are no change", async () => {
    const created = await client.call("POST", configMaps, { body: configMap("same", { data: { a: "1" } }) });
    const { metadata } = created.json as { metadata: JsonObject };
    const body = {
      ...created.json,
      metadata: {
        ...metadata,
        creationTimestamp: `${String(metadata["creationTimestamp"]).slice(0, -1)}.000Z`,
        labels: {},
        finalizers: null,
      },
      binaryData: null,
    };
    const updated = await client.call("PUT", `${configMaps}/same`, { body });
    expect(valueAt(updated.json, "metadata", "resourceVersion")).toBe(metadata["resourceVersion"]);
  });

  test("the dry run of a write stores nothing", async () => {
    expect((await client.call("POST", `${configMaps}?dryRun=All`, { body: configMap("dry") })).code).toBe(201);
    expect((await client.call("GET", `${configMaps}/dry`)).code).toBe(404);
  });

  test("Secrets take plain text; what is immutable stays", async () => {
    const secrets = "/api/v1/namespaces/default/secrets";
    const body = { metadata: { name: "s" }, stringData: { a: "b" }, immutable: true };
    const { json } = await client.call("POST", secrets, { body });
    expect(json).toMatchObject({ type: "Opaque", data: { a: "Yg==" } });
    expect(json["stringData"]).toBeUndefined();
    const changed = await client.call("PUT", `${secrets}/s`, {
      body: { metadata: { name: "s" }, data: {}, immutable: true },
    });
    expect(changed.json["message"]).toBe(
      'Secret "s" is invalid: data: Forbidden: field is immutable when `immutable` is set',
    );
  });

  test("Services get an address each, keep it, and never share one", async () => {
    const services = "/api/v1/namespaces/default/services";
    const body = (name: string, clusterIP?: string): JsonObject => ({
      metadata: { name },
      spec: { ports: [{ port: 80 }], ...(clusterIP && { clusterIP }) },
    });
    const made = await Promise.all(
      ["s1", "s2", "s3"].map((name) => client.call("POST", services, { body: body(name) })),
    );
    const addresses = made.map(({ json }) => valueAt(json, "spec", "clusterIP"));
    expect(new Set(addresses).size).toBe(3);
    const put = await client.call("PUT", `${services}/s1`, { body: body("s1") });
    expect(valueAt(put.json, "spec", "clusterIP")).toBe(addresses[0]);
    expect((await client.call("POST", services, { body: body("s4", String(addresses[0])) })).code).toBe(500);
    expect((await client.call("POST", services, { body: body("s5", "10.96.0.1") })).code).toBe(500);
    expect(
      valueAt((await client.call("POST", services, { body: body("s6", "None") })).json, "spec", "clusterIPs"),
    ).toEqual(["None"]);
    expect(valueAt((await client.call("GET", `${services}/kubernetes`)).json, "spec", "clusterIP")).toBe("10.96.0.1");
  });

  test("nothing is created in a namespace that is not there or goes away", async () => {
    expect((await client.call("POST", "/api/v1/namespaces/none/configmaps", { body: configMap("x") })).code).toBe(404);
    await server.kube.create(Namespace, { metadata: { name: "leaving", finalizers: ["x/y"] } });
    await server.kube.delete(Namespace, { name: "leaving" });
    const refused = await client.call("POST", "/api/v1/namespaces/leaving/configmaps", { body: configMap("x") });
    expect(refused.code).toBe(403);
    expect(valueAt(refused.json, "details", "causes")).toMatchObject([{ reason: "NamespaceTerminating" }]);
  });

  test.each(["default", "kube-system", "kube-public"])("the namespace %s is not deleted, by nobody", async (name) => {
    const refused = await client.call("DELETE", `/api/v1/namespaces/${name}`);
    expect([refused.code, refused.json["message"]]).toEqual([
      403,
      `namespaces "${name}" is forbidden: this namespace may not be deleted`,
    ]);
    await expect(server.kube.delete(Namespace, { name })).rejects.toThrow("may not be deleted");
    expect((await client.call("GET", `/api/v1/namespaces/${name}`)).json).toMatchObject({
      status: { phase: "Active" },
    });
  });

  test("a Namespace waits for its spec's finalizer, whoever takes it away", async () => {
    for (const [name, finalize] of [
      ["by-put", "/finalize"],
      ["by-patch", ""],
    ] as const) {
      const path = `/api/v1/namespaces/${name}`;
      await server.kube.create(Namespace, { metadata: { name } });
      const kept = await client.call("PATCH", path, {
        body: { spec: { finalizers: [] } },
        contentType: "application/merge-patch+json",
      });
      expect(kept.json["spec"]).toEqual({ finalizers: ["kubernetes"] });
      const deleted = await client.call("DELETE", path, { body: { propagationPolicy: "Background" } });
      expect(deleted.json).toMatchObject({
        kind: "Namespace",
        status: { phase: "Terminating" },
        metadata: { deletionTimestamp: expect.any(String) },
      });
      const body = { ...deleted.json, spec: {} };
      if (finalize === "")
        await client.call("PATCH", path, { body: { spec: null }, contentType: "application/merge-patch+json" });
      else await client.call("PUT", `${path}${finalize}`, { body });
      expect((await client.call("GET", path)).code).toBe(404);
    }
  });

  test("a scale is read and written as a Scale", async () => {
    const deployments = "/apis/apps/v1/namespaces/default/deployments";
    const spec = {
      selector: { matchLabels: { a: "b" } },
      template: { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } },
    };
    await client.call("POST", deployments, { body: { metadata: { name: "d" }, spec } });
    expect((await client.call("GET", `${deployments}/d/scale`)).json).toMatchObject({
      kind: "Scale",
      spec: { replicas: 1 },
      status: { selector: "a=b" },
    });
    const patch = {
      body: [{ op: "replace", path: "/spec/replicas", value: 0 }],
      contentType: "application/json-patch+json",
    };
    expect((await client.call("PATCH", `${deployments}/d/scale`, patch)).json).toMatchObject({ spec: { replicas: 0 } });
    const scaled = await client.call("GET", `${deployments}/d`);
    expect(scaled.json).toMatchObject({ metadata: { generation: 2 }, spec: { replicas: 0 } });
    const wrong = await client.call("PATCH", `${deployments}/d/scale`, {
      ...patch,
      body: [{ op: "replace", path: "/spec/replicas", value: -1 }],
    });
    expect(wrong.code).toBe(422);
  });
});

describe("Pods", () => {
  const pods = "/api/v1/namespaces/default/pods";

  test("get upstream's defaults, and the token of their account", async () => {
    const { code, json } = await client.call("POST", pods, { body: pod("p") });
    expect(code).toBe(201);
    expect(json).toMatchObject({
      spec: {
        restartPolicy: "Always",
        dnsPolicy: "ClusterFirst",
        schedulerName: "default-scheduler",
        securityContext: {},
        terminationGracePeriodSeconds: 30,
        enableServiceLinks: true,
        serviceAccountName: "default",
        containers: [
          {
            imagePullPolicy: "Always",
            resources: {},
            terminationMessagePath: "/dev/termination-log",
            terminationMessagePolicy: "File",
            readinessProbe: {
              httpGet: { path: "/", port: 80, scheme: "HTTP" },
              timeoutSeconds: 1,
              periodSeconds: 10,
              successThreshold: 1,
              failureThreshold: 3,
            },
            volumeMounts: [{ mountPath: "/var/run/secrets/kubernetes.io/serviceaccount", readOnly: true }],
          },
        ],
      },
      status: { phase: "Pending", qosClass: "BestEffort" },
    });
    expect(valueAt(json, "spec", "volumes")).toMatchObject([
      { projected: { sources: [{ serviceAccountToken: { expirationSeconds: 3607, path: "token" } }, {}, {}] } },
    ]);
  });

  test("of an account that is not there are refused", async () => {
    const body = { ...pod("q"), spec: { ...(pod("q")["spec"] as JsonObject), serviceAccountName: "none" } };
    const { code, json } = await client.call("POST", pods, { body });
    expect(code).toBe(403);
    expect(json["message"]).toBe(
      'pods "q" is forbidden: error looking up service account default/none: serviceaccount "none" not found',
    );
  });

  test("without a node are gone at once; on a node they wait for the agent, which deletes with no grace", async () => {
    await client.call("POST", pods, { body: pod("free") });
    expect((await client.call("DELETE", `${pods}/free`)).json).toMatchObject({ kind: "Status", status: "Success" });
    await client.call("POST", pods, { body: pod("bound") });
    await client.call("POST", `${pods}/bound/binding`, { body: { target: { kind: "Node", name: "n" } } });
    const deleted = await client.call("DELETE", `${pods}/bound`, { body: { gracePeriodSeconds: 5 } });
    expect(deleted.json).toMatchObject({
      kind: "Pod",
      metadata: { deletionGracePeriodSeconds: 5 },
      spec: { nodeName: "n" },
    });
    await client.call("DELETE", `${pods}/bound`, { body: { gracePeriodSeconds: 60 } });
    expect(valueAt((await client.call("GET", `${pods}/bound`)).json, "metadata", "deletionGracePeriodSeconds")).toBe(5);
    await server.kube.delete(Pod, { namespace: "default", name: "bound" }, { gracePeriodSeconds: 0 });
    expect((await client.call("GET", `${pods}/bound`)).code).toBe(404);
  });

  test("keep their spec, but for the image", async () => {
    await client.call("POST", pods, { body: pod("fixed") });
    const patch = (containers: JsonObject[]): Promise<{ code: number }> =>
      client.call("PATCH", `${pods}/fixed`, {
        body: { spec: { containers } },
        contentType: "application/strategic-merge-patch+json",
      });
    expect((await patch([{ name: "c", image: "other" }])).code).toBe(200);
    expect((await patch([{ name: "c", args: ["x"] }])).code).toBe(422);
  });

  test("have logs when there is a node to give them", async () => {
    expect((await client.call("GET", `${pods}/fixed/log`)).code).toBe(501);
    server.setPodLogs({
      async *openLog({ container }, { tailLines }) {
        await Promise.resolve();
        yield Buffer.from(`${container} ${tailLines ?? 0}\n`);
      },
    });
    await client.call("POST", `${pods}/fixed/binding`, { body: { target: { name: "n" } } });
    expect((await client.call("GET", `${pods}/fixed/log?tailLines=3`)).text).toBe("c 3\n");
    expect((await client.call("GET", `${pods}/fixed/log?container=x`)).code).toBe(400);
  });

  test.each(["portforward", "attach"])("serve %s over WebSocket alone, and say so", async (subresource) => {
    const { code, json } = await client.call("GET", `${pods}/fixed/${subresource}`);
    expect(code).toBe(400);
    expect(json["message"]).toContain("unable to upgrade: only WebSocket is served here");
  });

  test("attach no terminal, whatever the client speaks", async () => {
    const { code, json } = await client.call("POST", `${pods}/fixed/attach?stdin=true&stdout=true&tty=true`);
    expect(code).toBe(400);
    expect(json["message"]).toContain("have no terminal");
  });
});

describe("watches", () => {
  test("begin with what is there, end their beginning with a bookmark, and go on", async () => {
    const path = `${configMaps}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&labelSelector=w%3D1`;
    await client.call("POST", configMaps, { body: { metadata: { name: "w1", labels: { w: "1" } } } });
    const watched = client.lines(path, 3);
    const initial = await client.lines(path, 2);
    expect(initial.map(({ type }) => type)).toEqual(["ADDED", "BOOKMARK"]);
    expect(valueAt(initial[1], "object", "metadata", "annotations")).toEqual({ "k8s.io/initial-events-end": "true" });
    await client.call("POST", configMaps, { body: { metadata: { name: "w2", labels: { w: "1" } } } });
    expect((await watched).map(({ type }) => type)).toEqual(["ADDED", "BOOKMARK", "ADDED"]);
  });

  test("from too old a version get one ERROR event, and end", async () => {
    const { code, text } = await client.call("GET", `${configMaps}?watch=1&resourceVersion=1`);
    expect(code).toBe(200);
    expect(JSON.parse(text)).toMatchObject({ type: "ERROR", object: { kind: "Status", code: 410, reason: "Expired" } });
  });

  test("end cleanly when their time is over, with a bookmark to go on from", async () => {
    const { text } = await client.call(
      "GET",
      `${configMaps}?watch=1&timeoutSeconds=1&allowWatchBookmarks=true&fieldSelector=metadata.name%3Dnone`,
    );
    expect(JSON.parse(text)).toMatchObject({ type: "BOOKMARK", object: { kind: "ConfigMap" } });
  });

  test("bring all that is there, however much, before slowness counts", async () => {
    await server.kube.create(Namespace, { metadata: { name: "big" } });
    const data = { text: "x".repeat(10_000) };
    for (let index = 0; index < 600; index++) {
      await server.kube.create(ConfigMap, { metadata: { name: `c${index}`, namespace: "big" }, data });
    }
    const lines = await client.lines("/api/v1/namespaces/big/configmaps?watch=1", 600);
    expect(lines).toHaveLength(600);
  });

  test("come as tables to those who ask", async () => {
    const [line] = await client.lines(
      "/api/v1/namespaces?watch=1&fieldSelector=metadata.name%3Ddefault",
      1,
      tableAccept,
    );
    expect(line).toMatchObject({
      type: "ADDED",
      object: { kind: "Table", rows: [{ cells: ["default", "Active", expect.any(String)] }] },
    });
  });
});

describe("reading", () => {
  test("a list is of its own kind, and a table when asked for", async () => {
    const { json } = await client.call("GET", "/api/v1/namespaces");
    expect(json).toMatchObject({ kind: "NamespaceList", apiVersion: "v1" });
    const table = await client.call("GET", "/api/v1/namespaces", { accept: tableAccept });
    expect(valueAt(table.json, "columnDefinitions")).toMatchObject([
      { name: "Name" },
      { name: "Status" },
      { name: "Age" },
    ]);
  });

  test("metadata alone for those who want no more", async () => {
    const accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    const { json } = await client.call("GET", configMaps, { accept });
    expect(json["kind"]).toBe("PartialObjectMetadataList");
    expect(valueAt(json, "items")).toEqual(
      expect.arrayContaining([expect.objectContaining({ kind: "PartialObjectMetadata" })]),
    );
  });

  test("what cannot be produced is not acceptable", async () => {
    expect((await client.call("GET", configMaps, { accept: "application/cbor" })).code).toBe(406);
  });

  test("a review is no row of a table, but comes as it is to those who take that, too", async () => {
    const review = (accept: string): Promise<RawAnswer> =>
      client.call("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", { body: {}, accept });
    expect((await review("application/json;as=Table;v=v1;g=meta.k8s.io")).code).toBe(406);
    expect((await review(tableAccept)).code).toBe(201);
  });

  test.each(["v2", "v2beta1"])("discovery in one document, %s", async (version) => {
    const accept = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList,application/json`;
    const { json, headers } = await client.call("GET", "/apis", { accept });
    expect(headers["content-type"]).toContain(`v=${version}`);
    expect(json).toMatchObject({ kind: "APIGroupDiscoveryList", apiVersion: `apidiscovery.k8s.io/${version}` });
  });

  test("discovery step by step", async () => {
    expect((await client.call("GET", "/api")).json).toMatchObject({ kind: "APIVersions", versions: ["v1"] });
    expect((await client.call("GET", "/apis")).json["kind"]).toBe("APIGroupList");
    expect((await client.call("GET", "/apis/apps")).json).toMatchObject({
      kind: "APIGroup",
      preferredVersion: { version: "v1" },
    });
    const { json } = await client.call("GET", "/apis/apps/v1");
    expect(valueAt(json, "resources")).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ name: "deployments/scale", kind: "Scale", group: "autoscaling" }),
      ]),
    );
  });
});
