import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { applyPatch as applyReference, createPatch } from "rfc6902";
import { isRecord, recordAt, stringAt, valueAt } from "../src/api-server/api-object.ts";
import { findKindType } from "../src/api-server/fields/message-types.ts";
import { openApiServer, type ApiServer } from "../src/api-server/open-api-server.ts";
import { applyJsonPatch } from "../src/api-server/patch/json-patch.ts";
import { applyMergePatch } from "../src/api-server/patch/merge-patch.ts";
import { applyStrategicMergePatch } from "../src/api-server/patch/strategic-merge-patch.ts";
import { StatusError } from "../src/api-server/status-error.ts";
import { makeRawClient, type RawAnswer, type RawClient } from "../src/api-server/testing/raw-client.ts";
import { fieldName, hostileJson, hostileObject, prototypeFields, seed } from "./hostile-values.ts";

const isLong = process.env["KELVIN_TEST_LONG"] === "1";
const runs = { seed, numRuns: isLong ? 20_000 : 500 };
const requestRuns = { seed, numRuns: isLong ? 5_000 : 150 };
const timeoutMs = 600_000;
const cpuMsMax = 3_000;

const pristine = prototypeFields();
afterEach(() => expect(prototypeFields()).toEqual(pristine));

/** The result of a patch engine, or `undefined` for its refusal. @throws whatever is no Status, and when it took too long */
function patched(run: () => unknown): unknown {
  const started = process.cpuUsage();
  try {
    return run();
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    expect(error.status.code).toBeLessThan(500);
    return undefined;
  } finally {
    expect(process.cpuUsage(started).user / 1_000).toBeLessThan(cpuMsMax);
  }
}

/** As it would be sent: JSON knows no -0. */
function asSent<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

const json = hostileJson.map(asSent);
const object = hostileObject.map(asSent);

describe("JSON patch", () => {
  const pointer = fc.oneof(
    fc.array(fieldName, { maxLength: 4 }).map((names) => names.map((name) => `/${name}`).join("")),
    fieldName,
  );
  const operation = fc.record(
    {
      op: fc.constantFrom("add", "remove", "replace", "move", "copy", "test", "constructor"),
      path: fc.oneof(pointer, json),
      from: pointer,
      value: json,
    },
    { requiredKeys: ["op", "path"] },
  );

  test(
    "takes any operations, and leaves what it was applied to",
    () =>
      fc.assert(
        fc.property(object, fc.oneof(fc.array(fc.oneof(operation, json), { maxLength: 6 }), json), (target, patch) => {
          const before = JSON.stringify(target);
          patched(() => applyJsonPatch(target, patch));
          expect(JSON.stringify(target)).toBe(before);
        }),
        runs,
      ),
    timeoutMs,
  );

  test(
    "does what another implementation says makes one object of another",
    () =>
      fc.assert(
        fc.property(object, object, (from, to) => {
          const isOdd = /__proto__|constructor|prototype/.test(JSON.stringify([from, to]));
          fc.pre(!isOdd);
          const operations = createPatch(from, to);
          const reference = asSent(from);
          fc.pre(applyReference(reference, operations).every((error) => error === null));
          expect(applyJsonPatch(from, asSent(operations))).toEqual(reference);
        }),
        runs,
      ),
    timeoutMs,
  );

  test.each([
    ["a path that is no pointer", [{ op: "add", path: "a", value: 1 }], 400],
    ["no value", [{ op: "add", path: "/a" }], 400],
    ["a length", [{ op: "replace", path: "/list/length", value: 4_000_000_000 }], 422],
    ["an index far off", [{ op: "add", path: "/list/4000000000", value: 1 }], 422],
    ["a letter of a text", [{ op: "add", path: "/text/0", value: 1 }], 422],
    ["what is inherited", [{ op: "copy", from: "/__proto__", path: "/a" }], 422],
    ["into what is inherited", [{ op: "add", path: "/__proto__/polluted", value: 1 }], 422],
    ["a move into itself", [{ op: "move", from: "/map", path: "/map/a/b" }], 422],
    ["copies of copies", Array.from({ length: 60 }, (_, at) => ({ op: "copy", from: "", path: `/map/c${at}` })), 413],
  ])("refuses %s", (_name, patch, code) => {
    const target = { list: [1], text: "x", map: { a: {} } };
    const refusal = ((): unknown => {
      try {
        return applyJsonPatch(target, patch);
      } catch (error) {
        return error;
      }
    })();
    expect(refusal).toBeInstanceOf(StatusError);
    expect((refusal as StatusError).status.code).toBe(code);
  });

  test("adds a field named __proto__ as any other", () => {
    const result = applyJsonPatch({ a: {} }, [{ op: "add", path: "/a/__proto__", value: { b: 1 } }]);
    expect(JSON.stringify(result)).toBe('{"a":{"__proto__":{"b":1}}}');
  });
});

describe("merge patch", () => {
  test(
    "a computed difference gives the target, twice as well as once",
    () =>
      fc.assert(
        fc.property(object, object, (from, toWithNulls) => {
          const to = withoutNulls(toWithNulls);
          const patch = difference(from, to);
          const result = applyMergePatch(from, patch);
          expect(result).toEqual(to);
          expect(applyMergePatch(result, patch)).toEqual(result);
        }),
        runs,
      ),
    timeoutMs,
  );
  test(
    "any patch twice is the patch once",
    () =>
      fc.assert(
        fc.property(json, json, (target, patch) => {
          const once = applyMergePatch(target, patch);
          expect(applyMergePatch(once, patch)).toEqual(once);
        }),
        runs,
      ),
    timeoutMs,
  );
});

/** RFC 7386 cannot set null, outside of lists. */
function withoutNulls(value: unknown): unknown {
  if (!isRecord(value)) return value;
  const kept = Object.entries(value).filter(([, child]) => child !== null);
  return Object.fromEntries(kept.map(([field, child]) => [field, withoutNulls(child)]));
}

function difference(from: unknown, to: unknown): unknown {
  if (!isRecord(from) || !isRecord(to)) return to;
  const removed = Object.keys(from).filter((field) => !Object.hasOwn(to, field));
  const changed = Object.entries(to).map(([field, value]): [string, unknown] => [
    field,
    difference(Object.hasOwn(from, field) ? from[field] : undefined, value),
  ]);
  return Object.fromEntries([...removed.map((field): [string, unknown] => [field, null]), ...changed]);
}

describe("strategic merge patch", () => {
  const fields = findKindType("v1", "Pod")!.byName;
  const item = fc.record(
    {
      name: fc.constantFrom<unknown>("a", "b", "c", 1, "__proto__"),
      $patch: fc.constantFrom("delete", "replace", "merge"),
      image: fc.string({ maxLength: 3 }),
      env: fc.array(fc.record({ name: fc.constantFrom("x", "y"), value: json }), { maxLength: 3 }),
    },
    { requiredKeys: ["name"] },
  );
  const items = fc.array(fc.oneof({ weight: 5, arbitrary: item }, json), { maxLength: 5 });
  const names = fc.array(fc.oneof(fc.constantFrom("a", "b", "c"), json), { maxLength: 4 });
  // Not those that the same patch adds: they would go to the end each time.
  const deleted = fc.array(fc.constantFrom("x", "y", "z"), { maxLength: 3 });
  const spec = fc.record(
    {
      containers: items,
      "$setElementOrder/containers": names,
      $retainKeys: names,
      nodeSelector: object,
      tolerations: json,
      $patch: fc.constantFrom("replace", "merge", "delete", "odd"),
    },
    { requiredKeys: [] },
  );
  const pod = fc.record(
    {
      spec: fc.oneof({ weight: 5, arbitrary: spec }, json),
      metadata: fc.record(
        { finalizers: names, "$deleteFromPrimitiveList/finalizers": deleted, labels: object },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: [] },
  );

  const finalized = deleted.map((finalizers) => ({ metadata: { finalizers } }));

  test(
    "takes anything, and twice is once",
    () =>
      fc.assert(
        fc.property(fc.oneof(pod, finalized, object).map(asSent), fc.oneof(pod, json).map(asSent), (target, patch) => {
          const before = JSON.stringify(target);
          const once = patched(() => applyStrategicMergePatch(target, patch, fields));
          expect(JSON.stringify(target)).toBe(before);
          if (once === undefined) return;
          expect(applyStrategicMergePatch(once, patch, fields)).toEqual(once);
        }),
        runs,
      ),
    timeoutMs,
  );

  test("merges long lists in time", () => {
    const many = Array.from({ length: 50_000 }, (_, at) => ({ name: `n${at}` }));
    const order = { "$setElementOrder/containers": many.toReversed() };
    const result = patched(() => applyStrategicMergePatch({}, { spec: { containers: many } }, fields));
    const again = patched(() => applyStrategicMergePatch(result, { spec: { containers: many, ...order } }, fields));
    expect(valueAt(again, "spec", "containers")).toEqual(many.toReversed());
  });
});

describe("over HTTP", () => {
  let server: ApiServer;
  let client: RawClient;
  beforeAll(async () => {
    server = await openApiServer({ listen: [{ host: "127.0.0.1", port: 0 }] });
    client = makeRawClient(server);
  });
  afterAll(() => server.close());

  const apply = (path: string, config: unknown, manager: string): Promise<RawAnswer> =>
    client.call("PATCH", `${path}?fieldManager=${manager}`, {
      body: config,
      contentType: "application/apply-patch+yaml",
    });

  /** An answer that a client can make sense of: what was asked for, or a Status with a reason. */
  function expectSensible({ code, json: body }: RawAnswer): void {
    if (code < 300) return;
    const message = stringAt(body, "message");
    const isUntyped = code === 500 && message.startsWith("failed to create typed patch object");
    expect({ kind: body["kind"], code: isUntyped || code < 500, message }).toEqual({
      kind: "Status",
      code: true,
      message,
    });
    expect(message).not.toBe("");
    if (!isUntyped) expect(stringAt(body, "reason")).not.toBe("");
  }

  test(
    "apply twice is apply once; what is no longer applied goes; what others applied stays",
    async () => {
      const text = fc.string({ maxLength: 5 });
      const config = fc.dictionary(fc.constantFrom("a", "b", "c", "__proto__", "constructor"), text, { maxKeys: 4 });
      let count = 0;
      await fc.assert(
        fc.asyncProperty(config, config, config, async (first, second, others) => {
          const path = `/api/v1/namespaces/default/configmaps/apply-${count++}`;
          const wanted = (data: unknown): unknown => ({ apiVersion: "v1", kind: "ConfigMap", data });
          const own = Object.fromEntries(Object.entries(others).map(([key, value]) => [`o.${key}`, value]));
          await apply(path, wanted(own), "other");
          const once = await apply(path, wanted(first), "one");
          const twice = await apply(path, wanted(first), "one");
          expect([once.code, twice.text]).toEqual([200, once.text]);
          const changed = await apply(path, wanted(second), "one");
          const expected = new Map(Object.entries({ ...own, ...second }));
          expect(new Map(Object.entries(recordAt(changed.json, "data")))).toEqual(expected);
          await client.call("DELETE", path);
        }),
        requestRuns,
      );
    },
    timeoutMs,
  );

  const kinds = [
    "/api/v1/namespaces/default/pods",
    "/api/v1/namespaces/default/services",
    "/api/v1/namespaces/default/configmaps",
    "/api/v1/nodes",
    "/apis/apps/v1/namespaces/default/deployments",
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
    "/apis/networking.k8s.io/v1/namespaces/default/ingresses",
  ];
  const part = fc.oneof(
    json,
    fc.record(
      {
        containers: fc.array(fc.record({ name: fc.constantFrom("c", "d"), image: fc.constant("i"), ports: json })),
        ports: fc.oneof(json, fc.array(fc.record({ port: fc.integer({ min: 1, max: 65_535 }), name: fieldName }))),
        selector: json,
        template: json,
        rules: json,
        replicas: json,
        conditions: json,
      },
      { requiredKeys: [] },
    ),
  );
  const body = fc.record(
    { spec: part, status: part, data: json, rules: json, webhooks: json, kind: json, apiVersion: json },
    { requiredKeys: [] },
  );
  const metadata = fc.oneof(
    json,
    fc.record({ labels: json, annotations: json, finalizers: json, ownerReferences: json }, { requiredKeys: [] }),
  );

  test.each(kinds)(
    "any body for %s is stored or refused, and what is stored can be shown",
    async (collection) => {
      await fc.assert(
        fc.asyncProperty(
          body,
          metadata,
          fc.constantFrom("merge", "strategic-merge", "json", "apply"),
          async (fields, meta, type) => {
            const named = (name: string): unknown => ({
              ...fields,
              metadata: { ...(isRecord(meta) ? meta : {}), name },
            });
            const made = await client.call("POST", collection, { body: named("fuzz") });
            expectSensible(made);
            const contentType = type === "apply" ? "application/apply-patch+yaml" : `application/${type}-patch+json`;
            const patch = type === "json" ? [{ op: "add", path: "/spec", value: fields.spec ?? 1 }] : named("fuzz");
            expectSensible(
              await client.call("PATCH", `${collection}/fuzz?fieldManager=m`, { body: patch, contentType }),
            );
            for (const accept of ["application/json;as=Table;v=v1;g=meta.k8s.io", "application/json"]) {
              expect((await client.call("GET", collection, { accept })).code).toBe(200);
            }
            await client.call("PATCH", `${collection}/fuzz`, {
              body: { metadata: { finalizers: null } },
              contentType: "application/merge-patch+json",
            });
            expectSensible(await client.call("DELETE", `${collection}/fuzz?gracePeriodSeconds=0`));
          },
        ),
        { ...requestRuns, numRuns: requestRuns.numRuns / 3 },
      );
    },
    timeoutMs,
  );
});
