import { describe, expect, test } from "@jest/globals";
import type { KubeObject } from "@kelvin/api";
import { parseServingConfig } from "@kelvin/api/serving/config";
import type { AdmissionRequest } from "@kelvin/controller";
import { configMap, deleting, service, withAnnotations, withSpec } from "@kelvin/testkit";
import { makeWebhooks } from "./webhooks.ts";

const [defaulting, validation, configValidation] = makeWebhooks(() => parseServingConfig());

function request(object: KubeObject, more: Partial<AdmissionRequest> = {}): AdmissionRequest {
  const kind = { group: "serving.knative.dev", version: "v1", kind: object.kind ?? "" };
  return { uid: "1", operation: "CREATE", kind, userInfo: { username: "anna" }, object, dryRun: false, ...more };
}

const validate = (object: KubeObject, more: Partial<AdmissionRequest> = {}) =>
  validation?.validate?.(object, request(object, more));

describe("admission", () => {
  test("fills in what is absent, and who made it", async () => {
    const object = service("hello");
    const filled = await defaulting?.mutate?.(object, request(object));
    expect(filled).toMatchObject({
      metadata: { annotations: { "serving.knative.dev/creator": "anna", "serving.knative.dev/lastModifier": "anna" } },
      spec: {
        template: { spec: { timeoutSeconds: 300, containers: [{ name: "user-container" }] } },
        traffic: [{ latestRevision: true, percent: 100 }],
      },
    });
    expect(await validate(filled as KubeObject)).not.toHaveProperty("denied");
  });

  test("refuses in Knative's words", async () => {
    const wrong = service("hello", withSpec({ traffic: [{ latestRevision: true, percent: 90 }] }));
    expect(await validate(wrong)).toMatchObject({
      denied: "validation failed: Traffic targets sum to 90, want 100: spec.traffic",
    });
  });

  test("lets through whatever is being deleted, and statuses", async () => {
    const wrong = service("hello", withSpec({ traffic: [{ latestRevision: true, percent: 90 }] }), deleting());
    expect(await validate(wrong)).toBeUndefined();
    const status = service("hello", withSpec({ traffic: [{ latestRevision: true, percent: 90 }] }));
    expect(await validate(status, { subResource: "status" })).toBeUndefined();
  });

  test("knows nothing of kinds that are not Serving's", async () => {
    const other = { ...service("hello"), kind: "Other" };
    expect(await validate(other)).toBeUndefined();
  });
});

describe("ConfigMaps", () => {
  const check = (object: KubeObject) => configValidation?.validate?.(object, request(object));

  test("that can be parsed are let through, and so are those of other people", async () => {
    expect(await check(configMap("config-gc", { "min-non-active-revisions": "3" }))).toBeUndefined();
    expect(await check(configMap("my-config", { "min-non-active-revisions": "x" }))).toBeUndefined();
  });

  test("that cannot are refused with the key", async () => {
    expect(await check(configMap("config-gc", { "min-non-active-revisions": "x" }))).toBe(
      'validation failed: config-gc: min-non-active-revisions: must be a whole number, was "x"',
    );
  });

  test("whose example was edited are refused, for that has no effect", async () => {
    const example = withAnnotations({ "knative.dev/example-checksum": "a8df8ca2" });
    expect(await check(configMap("config-gc", { _example: "edited" }, example))).toMatch(/_example/);
  });
});
