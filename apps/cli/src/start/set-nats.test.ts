import { expect, test } from "@jest/globals";
import type { Manifest } from "../kustomize/manifest.ts";
import { setNats } from "./set-nats.ts";

const secret: Manifest = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "nats-clusterbus" },
  stringData: { url: "x" },
};
const deployment = (name: string): Manifest => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name },
  spec: { replicas: 1, template: { metadata: { labels: { a: "b" } }, spec: { containers: [] } } },
});

function settingsOf(manifest: Manifest | undefined): unknown {
  const spec = manifest?.["spec"] as { template: { metadata: { annotations?: Record<string, string> } } };
  return spec.template.metadata.annotations?.["kelvin.dev/bus-settings"];
}

test("the server goes into the Secret, and Pods that know another one are replaced", () => {
  const manifests = [secret, deployment("nats-clusterbus-dispatcher"), deployment("stub-clusterbus-dispatcher")];
  const urls = ["nats://a:1", "nats://b:2"];
  const [set, dispatcher, stub] = setNats(manifests, { urls, user: "u", password: "p" });
  expect(set?.["stringData"]).toEqual({ url: "nats://a:1,nats://b:2", user: "u", password: "p" });
  expect(stub).toEqual(deployment("stub-clusterbus-dispatcher"));
  expect(dispatcher?.["spec"]).toMatchObject({ replicas: 1, template: { metadata: { labels: { a: "b" } } } });
  const again = setNats(manifests, { urls, user: "u", password: "p" });
  const other = setNats(manifests, { urls, user: "u", password: "other" });
  expect(settingsOf(dispatcher)).toMatch(/^[0-9a-f]{16}$/);
  expect(settingsOf(again[1])).toBe(settingsOf(dispatcher));
  expect(settingsOf(other[1])).not.toBe(settingsOf(dispatcher));
});
