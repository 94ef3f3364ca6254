import { describe, expect, test } from "@jest/globals";
import type { CoreService, EndpointSlice } from "@kelvin/kube";
import { selectEndpoints } from "./endpoints.ts";
import { renderHosts } from "./hosts-files.ts";

const service = (name: string, namespace: string, spec: NonNullable<CoreService["spec"]>): CoreService => ({
  metadata: { name, namespace },
  spec,
});

describe("renderHosts", () => {
  const services = [
    service("web", "shop", { clusterIP: "10.96.1.1" }),
    service("db", "other", { clusterIP: "10.96.1.2" }),
    service("headless", "shop", { clusterIP: "None" }),
    service("alias", "shop", { type: "ExternalName", externalName: "db.other.svc.cluster.local" }),
    service("outside", "shop", { type: "ExternalName", externalName: "example.com" }),
  ];

  test("a bare name means the Service beside you; an ExternalName into the cluster has its target's address", () => {
    expect(renderHosts(services, "shop")).toBe(
      [
        "127.0.0.1 localhost",
        "::1 localhost ip6-localhost",
        "10.96.1.1 web.shop.svc.cluster.local web.shop.svc web.shop web",
        "10.96.1.2 db.other.svc.cluster.local db.other.svc db.other",
        "10.96.1.2 alias.shop.svc.cluster.local alias.shop.svc alias.shop alias",
        "",
      ].join("\n"),
    );
  });
});

describe("selectEndpoints", () => {
  const slice = (endpoints: NonNullable<EndpointSlice["endpoints"]>): EndpointSlice => ({
    metadata: {},
    addressType: "IPv4",
    ports: [{ name: "http", port: 8080 }, { port: 9 }],
    endpoints,
  });
  const ready = { addresses: ["10.44.0.2"], conditions: { ready: true } };
  const unknown = { addresses: ["10.44.0.3"] };
  const unready = { addresses: ["10.44.0.4"], conditions: { ready: false } };
  const leaving = { addresses: ["10.44.0.5"], conditions: { ready: false, serving: true, terminating: true } };

  test.each([
    [
      "the ready ones, and those of which nothing is said",
      [ready, unknown, unready, leaving],
      ["10.44.0.2", "10.44.0.3"],
    ],
    ["those that still serve when none is ready", [unready, leaving], ["10.44.0.5"]],
    ["nobody", [unready], []],
  ])("%s", (_name, endpoints, wanted) => {
    expect(selectEndpoints([slice(endpoints)], "http").map(({ address }) => address)).toEqual(wanted);
  });

  test("a port is found by its name, a single one by having none", () => {
    expect(selectEndpoints([slice([ready])], undefined)).toEqual([{ address: "10.44.0.2", port: 9 }]);
    expect(selectEndpoints([slice([ready])], "none")).toEqual([]);
  });
});
