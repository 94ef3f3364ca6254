import { describe, expect, test } from "@jest/globals";
import type { KubeObject } from "@kelvin/api";
import type { BuildSpec } from "@kelvin/api/build/v1alpha1";
import type { AdmissionRequest } from "@kelvin/controller";
import { configMap, deleting } from "@kelvin/testkit";
import { build } from "../../test/builders.ts";
import { makeWebhooks } from "./webhooks.ts";

const [admission, configValidation] = makeWebhooks();

function request(object: KubeObject, more: Partial<AdmissionRequest> = {}): AdmissionRequest {
  const kind = { group: "build.knative.dev", version: "v1alpha1", kind: object.kind ?? "" };
  return { uid: "1", operation: "CREATE", kind, userInfo: { username: "anna" }, object, dryRun: false, ...more };
}

const refusal = (object: KubeObject, more: Partial<AdmissionRequest> = {}) =>
  admission?.validate?.(object, request(object, more));
const wrong = (spec: BuildSpec = { steps: [{}] }): KubeObject => build("b", spec);

describe("admission", () => {
  test("fills in what is absent", async () => {
    const object = build("b", { steps: [{ image: "i" }] });
    object.spec = { steps: [{ image: "i" }], status: "BuildCancelled" };
    expect(await admission?.mutate?.(object, request(object))).toMatchObject({
      spec: { serviceAccountName: "default", timeout: "10m0s", Status: "BuildCancelled" },
    });
  });

  test("refuses in v0.7's words, as a mutation that failed", async () => {
    expect(await refusal(wrong())).toBe("mutation failed: missing field(s): spec.steps.Image");
    const template = { ...wrong(), kind: "ClusterBuildTemplate" };
    expect(await refusal(template)).toBe("mutation failed: missing field(s): spec.Image");
  });

  test("lets through whatever is being deleted, and statuses", async () => {
    const going = wrong();
    deleting()(going);
    expect(await refusal(going)).toBeUndefined();
    expect(await refusal(wrong(), { subResource: "status" })).toBeUndefined();
    expect(await refusal({ ...wrong(), kind: "Other" })).toBeUndefined();
  });
});

test.each([
  ["config-build", { "source-bytes-max": "1Gi" }, undefined],
  [
    "config-build",
    { "source-bytes-max": "many" },
    'validation failed: config-build: source-bytes-max: must be a quantity such as 100m or 1Gi, was "many"',
  ],
  [
    "config-build",
    { "source-files-max": "0" },
    "validation failed: config-build: source-files-max: must be more than 0, was 0",
  ],
  [
    "config-build",
    { "cache-host-path": "x" },
    "validation failed: config-build: cache-host-path: must be an absolute path",
  ],
  ["config-other", { "source-files-max": "0" }, undefined],
])("settings %s %j", async (name, entries, want) => {
  const object = configMap(name, entries as Record<string, string>);
  expect(await configValidation?.validate?.(object, request(object))).toBe(want);
});
