import { describe, expect, test } from "@jest/globals";
import type { Pod } from "@kelvin/kube";
import {
  type ContainerSpec,
  envReferences,
  type EnvSources,
  expandVariables,
  makeContainerEnv,
} from "./container-env.ts";

const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "hello", namespace: "shop", uid: "u1", labels: { app: "web" }, annotations: { note: 'a "b"' } },
  spec: { nodeName: "kelvin", serviceAccountName: "runner", containers: [] },
};

const sources: EnvSources = {
  pod,
  podIp: "10.44.0.9",
  hostIp: "10.44.0.1",
  configMaps: new Map([
    ["settings", { metadata: {}, data: { color: "blue", "bad key": "x" } }],
    ["gone", undefined],
  ]),
  secrets: new Map([["login", { metadata: {}, data: { password: Buffer.from("s3cret").toString("base64") } }]]),
  base: { PATH: "/bin", COLOR: "base" },
};

const container = (part: Partial<ContainerSpec>): ContainerSpec => ({ name: "app", ...part });
const envOf = (part: Partial<ContainerSpec>): Record<string, string> => makeContainerEnv(container(part), sources);

describe("makeContainerEnv", () => {
  test("later sources win over earlier ones", () => {
    const env = envOf({
      envFrom: [{ configMapRef: { name: "settings" }, prefix: "" }],
      env: [{ name: "color", value: "red" }],
    });
    expect(env).toEqual({ PATH: "/bin", COLOR: "base", color: "red" });
  });

  test("a prefix goes before the keys of envFrom, and keys that are no names are left out", () => {
    expect(envOf({ envFrom: [{ configMapRef: { name: "settings" }, prefix: "S_" }] })).toMatchObject({
      S_color: "blue",
    });
    expect(Object.keys(envOf({ envFrom: [{ configMapRef: { name: "settings" } }] }))).not.toContain("bad key");
  });

  test.each([
    ["metadata.name", "hello"],
    ["metadata.namespace", "shop"],
    ["metadata.uid", "u1"],
    ["metadata.labels['app']", "web"],
    ["metadata.annotations['none']", ""],
    ["metadata.annotations", 'note="a \\"b\\""'],
    ["spec.nodeName", "kelvin"],
    ["spec.serviceAccountName", "runner"],
    ["status.podIP", "10.44.0.9"],
    ["status.hostIP", "10.44.0.1"],
  ])("the field %s", (fieldPath, value) => {
    expect(envOf({ env: [{ name: "X", valueFrom: { fieldRef: { fieldPath } } }] }).X).toBe(value);
  });

  test("secrets are decoded and variables refer to those before them", () => {
    const env = envOf({
      env: [
        { name: "PASSWORD", valueFrom: { secretKeyRef: { name: "login", key: "password" } } },
        { name: "URL", value: "http://user:$(PASSWORD)@$(LATER)/" },
        { name: "LATER", value: "host" },
      ],
    });
    expect(env.URL).toBe("http://user:s3cret@$(LATER)/");
  });

  test("limits and requests in cores and bytes, rounded up", () => {
    const resources = { limits: { memory: "64Mi" } };
    const valueFrom = (resource: string): object => ({ valueFrom: { resourceFieldRef: { resource } } });
    const env = envOf({
      resources,
      env: [
        { name: "M", ...valueFrom("limits.memory") },
        { name: "C", ...valueFrom("requests.cpu") },
      ],
    });
    expect(env).toMatchObject({ M: "67108864", C: "0" });
  });

  test.each([
    [{ configMapKeyRef: { name: "gone", key: "k" } }, 'configmap "gone" not found'],
    [{ configMapKeyRef: { name: "settings", key: "k" } }, "couldn't find key k in ConfigMap settings"],
    [{ secretKeyRef: { name: "none", key: "k" } }, 'secret "none" not found'],
    [{ fieldRef: { fieldPath: "spec.color" } }, "unsupported fieldPath: spec.color"],
  ])("what is missing is named: %j", (valueFrom, message) => {
    expect(() => envOf({ env: [{ name: "X", valueFrom }] })).toThrow(message);
  });

  test("what is missing but optional is left out", () => {
    const env = envOf({
      env: [{ name: "X", valueFrom: { configMapKeyRef: { name: "gone", key: "k", optional: true } } }],
    });
    expect(env).not.toHaveProperty("X");
  });
});

test("envReferences names each source once", () => {
  const references = envReferences(
    container({
      envFrom: [{ secretRef: { name: "login" } }],
      env: [
        { name: "A", valueFrom: { configMapKeyRef: { name: "settings", key: "a" } } },
        { name: "B", valueFrom: { configMapKeyRef: { name: "settings", key: "b" } } },
      ],
    }),
  );
  expect(references).toEqual({ configMaps: ["settings"], secrets: ["login"] });
});

test.each([
  ["$(A)-$(B)", "1-$(B)"],
  ["$$(A)", "$(A)"],
  ["$$$(A)", "$1"],
  ["$(A", "$(A"],
  ["$A", "$A"],
])("expandVariables %s", (text, expanded) => {
  expect(expandVariables(text, new Map([["A", "1"]]))).toBe(expanded);
});
