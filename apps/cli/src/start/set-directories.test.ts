import { expect, test } from "@jest/globals";
import type { Manifest } from "../kustomize/manifest.ts";
import { setDirectories } from "./set-directories.ts";

const deploymentOf = (...volumes: object[]): Manifest => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "registry" },
  spec: { replicas: 1, template: { metadata: {}, spec: { containers: [], volumes } } },
});

test("what lasts is below the data directory, and nothing else is touched", () => {
  const lasting = (path: string): object => ({ name: "content", hostPath: { path, type: "DirectoryOrCreate" } });
  const others = [{ name: "logs", emptyDir: {} }, lasting("/var/lib/kelvinetic"), lasting("/dev")];
  const service: Manifest = { apiVersion: "v1", kind: "Service", metadata: { name: "registry" }, spec: {} };
  const bare: Manifest = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "a" }, spec: {} };
  expect(setDirectories([service, bare, deploymentOf(lasting("/var/lib/kelvin/registry"), ...others)], "/x")).toEqual([
    service,
    bare,
    deploymentOf(lasting("/x/registry"), ...others),
  ]);
  const settings = (directory: string): Manifest => {
    const data = { "cache-host-path": directory, other: "/var/lib/kelvinetic" };
    return { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "config-build" }, data };
  };
  expect(setDirectories([settings("/var/lib/kelvin/caches")], "/x")).toEqual([settings("/x/caches")]);
});
