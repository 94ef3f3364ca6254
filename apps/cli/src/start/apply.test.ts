import { describe, expect, test } from "@jest/globals";
import { ConfigMap, CoreService, InvalidError } from "@kelvin/kube";
import { openFakeKube } from "@kelvin/testkit";
import type { Manifest } from "../kustomize/manifest.ts";
import { applyManifests, removals } from "./apply.ts";

const settings = (data: Record<string, string>): Manifest => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "settings", namespace: "shop" },
  data,
});
const key = { namespace: "shop", name: "settings" };
const never = new AbortController().signal;

describe("applyManifests", () => {
  test("writes once; what has not changed is not written again", async () => {
    const kube = openFakeKube();
    expect(await applyManifests(kube, [settings({ a: "1" })], never)).toEqual({ written: 1, kept: 0 });
    const { metadata } = await kube.get(ConfigMap, key);
    expect(await applyManifests(kube, [settings({ a: "1" })], never)).toEqual({ written: 0, kept: 1 });
    expect((await kube.get(ConfigMap, key)).metadata.resourceVersion).toBe(metadata.resourceVersion);
  });

  test("removes what it applied before, and leaves what others added", async () => {
    const kube = openFakeKube();
    await applyManifests(kube, [settings({ a: "1", b: "2" })], never);
    await kube.patch(ConfigMap, key, { type: "merge", body: { data: { theirs: "x" } } });
    await applyManifests(kube, [settings({ b: "3" })], never);
    expect((await kube.get(ConfigMap, key)).data).toEqual({ b: "3", theirs: "x" });
  });

  test("a refusal is final and names the object", async () => {
    const kube = openFakeKube();
    const refusing = {
      ...kube,
      create: () => Promise.reject(new InvalidError("data: too long")),
    };
    await expect(applyManifests(refusing, [settings({})], never)).rejects.toThrow(
      "cannot apply ConfigMap shop/settings: data: too long",
    );
  });

  test("what is only not there yet is tried again", async () => {
    const kube = openFakeKube();
    let refusals = 2;
    const slow: typeof kube = {
      ...kube,
      create: (kind, object, options) => {
        refusals -= 1;
        return refusals >= 0
          ? Promise.reject(new Error("webhook does not answer"))
          : kube.create(kind, object, options);
      },
    };
    expect(await applyManifests(slow, [settings({})], never)).toEqual({ written: 1, kept: 0 });
  });

  test("kinds of CRDs live where their CRD says", async () => {
    const kube = openFakeKube();
    const crd: Manifest = {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: "mice.example.com" },
      spec: { group: "example.com", scope: "Namespaced", names: { kind: "Mouse", plural: "mice" } },
    };
    const mouse: Manifest = { apiVersion: "example.com/v2", kind: "Mouse", metadata: { name: "m", namespace: "shop" } };
    await applyManifests(kube, [mouse, crd], never);
    const kind = { group: "example.com", version: "v2", kind: "Mouse", plural: "mice", namespaced: true };
    expect(await kube.find(kind, { namespace: "shop", name: "m" })).toBeDefined();
    expect(await kube.find(CoreService, { namespace: "shop", name: "m" })).toBeUndefined();
  });
});

test("removals names what was there and is not wanted any more", () => {
  expect(removals({ a: 1, b: { c: 1, d: 2 }, e: [1] }, { b: { d: 3 }, e: [] })).toEqual({ a: null, b: { c: null } });
});
