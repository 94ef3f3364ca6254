import { expect, test } from "@jest/globals";
import type { CoreService, EndpointSlice } from "@kelvin/kube";
import { makeMirroredSlices } from "../endpoint-slice-mirroring/mirror.ts";
import { makeEndpoints } from "./from-slices.ts";

const service: CoreService = {
  metadata: { name: "web", namespace: "default", uid: "service-uid", labels: { team: "a" } },
  spec: { selector: { app: "web" } },
};
const slice = (port: number, endpoints: NonNullable<EndpointSlice["endpoints"]>): EndpointSlice => ({
  metadata: {},
  addressType: "IPv4",
  ports: [{ name: "", port, protocol: "TCP" }],
  endpoints,
});

test("addresses with the same ports share a subset; those on their way out are in none", () => {
  const slices = [
    slice(80, [
      { addresses: ["10.44.0.3"], nodeName: "n" },
      { addresses: ["10.44.0.9"], conditions: { ready: false } },
    ]),
    slice(80, [{ addresses: ["10.44.0.2"], conditions: { ready: true } }]),
    slice(81, [{ addresses: ["10.44.0.4"], conditions: { ready: false, serving: true, terminating: true } }]),
  ];
  const { metadata, subsets } = makeEndpoints(service, slices);
  expect(metadata.labels).toEqual({ team: "a", "endpoints.kubernetes.io/managed-by": "endpoint-controller" });
  expect(subsets).toEqual([
    {
      addresses: [{ ip: "10.44.0.2" }, { ip: "10.44.0.3", nodeName: "n" }],
      notReadyAddresses: [{ ip: "10.44.0.9" }],
      ports: [{ port: 80, protocol: "TCP" }],
    },
  ]);
  expect(makeEndpoints(service, slices.toReversed()).subsets).toEqual(subsets);
});

test("a Service that nobody serves has Endpoints without subsets", () => {
  expect(makeEndpoints(service, [slice(80, [])])).not.toHaveProperty("subsets");
});

test("hand-made Endpoints become a slice for each subset and family", () => {
  const slices = makeMirroredSlices({
    metadata: { name: "web", namespace: "default", uid: "endpoints-uid" },
    subsets: [
      {
        addresses: [{ ip: "192.0.2.1" }, { ip: "fd00::1" }],
        notReadyAddresses: [{ ip: "192.0.2.2" }],
        ports: [{ name: "http", port: 80 }],
      },
    ],
  });
  expect(slices.map(({ addressType, endpoints }) => [addressType, endpoints])).toEqual([
    [
      "IPv4",
      [
        { addresses: ["192.0.2.1"], conditions: { ready: true } },
        { addresses: ["192.0.2.2"], conditions: { ready: false } },
      ],
    ],
    ["IPv6", [{ addresses: ["fd00::1"], conditions: { ready: true } }]],
  ]);
  expect(slices[0]?.ports).toEqual([{ name: "http", port: 80, protocol: "TCP" }]);
  expect(slices[0]?.metadata.labels).toMatchObject({
    "kubernetes.io/service-name": "web",
    "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
  });
});
