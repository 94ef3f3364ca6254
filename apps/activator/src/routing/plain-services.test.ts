import type { CoreService, EndpointSlice } from "@kelvin/kube";
import { describe, expect, test } from "@jest/globals";
import { chooseEndpoint, findServicePort, makePlainService, parseServiceHost } from "./plain-services.ts";
import { openServiceDirectory } from "./service-directory.ts";

const service: CoreService = {
  metadata: { name: "s", namespace: "ns" },
  spec: {
    ports: [
      { name: "web", port: 80 },
      { name: "admin", port: 9000 },
      { name: "dns", port: 53, protocol: "UDP" },
    ],
  },
};

function slice(endpoints: NonNullable<EndpointSlice["endpoints"]>): EndpointSlice {
  return {
    metadata: {},
    addressType: "IPv4",
    ports: [
      { name: "web", port: 8080 },
      { name: "admin", port: 9001 },
    ],
    endpoints,
  };
}

describe("a plain Service", () => {
  test("has the ready addresses of each TCP port", () => {
    const slices = [
      slice([{ addresses: ["10.0.0.1"] }, { addresses: ["10.0.0.2"], conditions: { ready: false } }]),
      slice([{ addresses: ["fd00::1"] }]),
    ];
    const plain = makePlainService(service, slices, undefined);
    expect(plain.ports.map((port) => [port.number, port.endpoints.map(({ address }) => address)])).toEqual([
      [80, ["10.0.0.1:8080", "[fd00::1]:8080"]],
      [9000, ["10.0.0.1:9001", "[fd00::1]:9001"]],
    ]);
  });

  test("keeps the counts of addresses that stay", () => {
    const before = makePlainService(service, [slice([{ addresses: ["10.0.0.1"] }])], undefined);
    const endpoint = before.ports[0]?.endpoints[0];
    if (endpoint !== undefined) endpoint.inFlight = 3;
    const after = makePlainService(
      service,
      [slice([{ addresses: ["10.0.0.1"] }, { addresses: ["10.0.0.2"] }])],
      before,
    );
    expect(after.ports[0]?.endpoints.map(({ inFlight }) => inFlight)).toEqual([3, 0]);
    expect(chooseEndpoint(after.ports[0]?.endpoints ?? [], [0, 0.6])?.address).toBe("10.0.0.2:8080");
  });

  test("is asked for a port by number or name, and gives 80 or its first for any other", () => {
    const plain = makePlainService(service, [], undefined);
    expect([9000, "admin", 8081, undefined].map((port) => findServicePort(plain, port)?.number)).toEqual([
      9000, 9000, 80, 80,
    ]);
  });

  test("that leads back to us is not forwarded to", () => {
    const source = { service: () => service, slices: () => [slice([{ addresses: ["10.9.9.9"] }])] };
    for (const [ownIp, isKnown] of [
      ["10.9.9.9", false],
      ["10.1.1.1", true],
    ] as const) {
      const directory = openServiceDirectory({ ...source, ownIp });
      directory.refresh("ns", "s");
      expect(directory.find("ns", "s") !== undefined).toBe(isKnown);
    }
  });
});

describe("another name of a Service (ExternalName)", () => {
  const named = (externalName: string): CoreService => ({ metadata: {}, spec: { type: "ExternalName", externalName } });
  const directoryOf = (services: Readonly<Record<string, CoreService>>) => {
    const directory = openServiceDirectory({
      service: (namespace, name) => services[`${namespace}/${name}`],
      slices: () => [],
      ownIp: "10.0.0.1",
    });
    for (const key of Object.keys(services)) directory.refresh(...(key.split("/") as [string, string]));
    return directory;
  };

  test("is followed to the Service, over several names too", () => {
    const alias = named("b.other.svc.cluster.local");
    const directory = directoryOf({ "ns/a": alias, "other/b": named("s.ns.svc"), "ns/s": service });
    expect(directory.find("ns", "a")?.ports).toHaveLength(2);
  });

  test("leads nowhere in a circle, when its Service is gone, and out of the cluster", () => {
    const directory = directoryOf({
      "ns/a": named("a.ns.svc"),
      "ns/b": named("gone.ns"),
      "ns/c": named("example.com"),
    });
    expect(["a", "b"].map((name) => directory.find("ns", name))).toEqual([undefined, undefined]);
    expect(directory.find("ns", "c")?.ports ?? []).toEqual([]);
  });
});

test("parseServiceHost knows the three forms of an in-cluster name", () => {
  for (const host of ["s.ns", "s.ns.svc", "s.ns.svc.cluster.local"]) {
    expect(parseServiceHost(host)).toEqual({ namespace: "ns", name: "s" });
  }
  for (const host of ["s", "", "s.ns.example.com", ".ns", "s.ns.svc.cluster"])
    expect(parseServiceHost(host)).toBeUndefined();
});
