import { expect, test } from "@jest/globals";
import type { Manifest } from "../kustomize/manifest.ts";
import { setPorts } from "./set-ports.ts";

const manifest = (kind: string, name: string, rest: object): Manifest => ({
  apiVersion: "v1",
  kind,
  metadata: { name },
  ...rest,
});

test("the chosen port goes into published Services and into status URLs, and nowhere else", () => {
  const gateway = manifest("Service", "gateway", {
    spec: {
      type: "LoadBalancer",
      ports: [
        { name: "http", port: 8080, targetPort: "http" },
        { name: "local", port: 8081 },
      ],
    },
  });
  const inner = manifest("Service", "activator", { spec: { ports: [{ port: 8080 }] } });
  const network = manifest("ConfigMap", "config-network", { data: { "kelvin.dev/external-port": "8080", other: "x" } });
  expect(setPorts([gateway, inner, network], { httpPort: 9000, registryPort: 5000 })).toEqual([
    manifest("Service", "gateway", {
      spec: {
        type: "LoadBalancer",
        ports: [
          { name: "http", port: 9000, targetPort: "http" },
          { name: "local", port: 9001 },
        ],
      },
    }),
    inner,
    manifest("ConfigMap", "config-network", { data: { "kelvin.dev/external-port": "9000", other: "x" } }),
  ]);
});

test("the registry keeps its port inside the cluster", () => {
  const spec = { type: "LoadBalancer", ports: [{ port: 5000 }] };
  const registry: Manifest = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "registry", namespace: "kelvin-registry", annotations: { kept: "yes" } },
    spec,
  };
  expect(setPorts([registry], { httpPort: 9000, registryPort: 5000 })).toEqual([registry]);
  const annotations = { kept: "yes", "kelvin.dev/host-ports": "5000:5001" };
  expect(setPorts([registry], { httpPort: 9000, registryPort: 5001 })).toEqual([
    { ...registry, metadata: { ...registry.metadata, annotations } },
  ]);
});
