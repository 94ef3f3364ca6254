import { expect, test } from "@jest/globals";
import type { Manifest } from "../../kustomize/manifest.ts";
import type { BusSettings } from "./bus.ts";
import { setBusSettings } from "./set-bus-settings.ts";

const secret: Manifest = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "nats-clusterbus" },
  stringData: { url: "x" },
};
const clusterBus = (name: string): Manifest => ({
  apiVersion: "channels.knative.dev/v1alpha1",
  kind: "ClusterBus",
  metadata: { name, annotations: { "kelvin.dev/bus": name } },
});
const settings = (password: string): BusSettings[] => [
  { kind: "Secret", name: "nats-clusterbus", values: { url: "nats://a:1", password } },
  { kind: "ConfigMap", name: "more", values: { a: "b" } },
];

test("where the broker is goes into what the bus reads, and Pods that know another one are replaced", () => {
  const manifests = [secret, clusterBus("nats"), clusterBus("stub")];
  const [nats, stub, filled, more] = setBusSettings(manifests, "nats", settings("p"));
  expect(stub).toEqual(clusterBus("stub"));
  expect(filled?.metadata).toMatchObject({ name: "nats-clusterbus", namespace: "knative-eventing" });
  expect(filled).not.toHaveProperty("stringData");
  expect(filled?.["data"]).toEqual({ url: btoa("nats://a:1"), password: btoa("p") });
  expect(more).toMatchObject({ kind: "ConfigMap", data: { a: "b" } });
  const hashOf = (manifest: Manifest | undefined): string | undefined =>
    manifest?.metadata.annotations?.["kelvin.dev/bus-settings"];
  expect(nats?.metadata.annotations?.["kelvin.dev/bus"]).toBe("nats");
  expect(hashOf(nats)).toMatch(/^[0-9a-f]{16}$/);
  expect(hashOf(setBusSettings(manifests, "nats", settings("p"))[0])).toBe(hashOf(nats));
  expect(hashOf(setBusSettings(manifests, "nats", settings("other"))[0])).not.toBe(hashOf(nats));
  expect(setBusSettings(manifests, "stub", [])).toEqual(manifests);
});
