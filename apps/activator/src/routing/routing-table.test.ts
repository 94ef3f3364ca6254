import { describe, expect, test } from "@jest/globals";
import type { HostRoute, IngressRoutes, Visibility } from "./route.ts";
import { RoutingTable } from "./routing-table.ts";

function routes(key: string, hosts: [string, Visibility][], createdAt = "2026"): IngressRoutes {
  const [namespace = ""] = key.split("/");
  const make = ([host, visibility]: [string, Visibility]): HostRoute => ({
    host,
    visibility,
    redirectsToHttps: false,
    paths: [],
  });
  return { key, namespace, generation: 1, seniority: `${createdAt} ${key}`, hosts: hosts.map(make), revisions: [] };
}

describe("the routing table", () => {
  test("keeps cluster-local hosts off the public listener, and lets both be found inside", () => {
    const table = new RoutingTable();
    table.set(
      routes("ns/a", [
        ["out", "ExternalIP"],
        ["in", "ClusterLocal"],
      ]),
    );
    expect([table.findPublic("out"), table.findPublic("in")].map((route) => route?.host)).toEqual(["out", undefined]);
    expect([table.findLocal("out"), table.findLocal("in")].map((route) => route?.host)).toEqual(["out", "in"]);
  });

  test("an update swaps all hosts of an Ingress", () => {
    const table = new RoutingTable();
    table.set(
      routes("ns/a", [
        ["one", "ExternalIP"],
        ["two", "ExternalIP"],
      ]),
    );
    table.set(
      routes("ns/a", [
        ["two", "ExternalIP"],
        ["three", "ExternalIP"],
      ]),
    );
    expect(["one", "two", "three"].map((host) => table.findPublic(host) !== undefined)).toEqual([false, true, true]);
    table.delete("ns/a");
    expect(table.hostCount).toBe(0);
  });

  test("the older Ingress keeps a host that a younger one claims too, whatever the order they are seen in", () => {
    const old = routes("ns/old", [["host", "ExternalIP"]], "2025");
    const young = routes("ns/young", [["host", "ExternalIP"]], "2026");
    for (const order of [
      [old, young],
      [young, old],
    ]) {
      const table = new RoutingTable();
      for (const one of order) table.set(one);
      expect(table.findPublic("host")).toBe(old.hosts[0]);
      table.delete("ns/old");
      expect(table.findPublic("host")).toBe(young.hosts[0]);
    }
  });

  test("a placeholder is found only through an Ingress of the Service's own namespace", () => {
    const table = new RoutingTable();
    table.set(routes("ns/a", [["svc.ns.svc.cluster.local", "ClusterLocal"]]));
    table.set(routes("evil/b", [["kubernetes.default.svc.cluster.local", "ClusterLocal"]]));
    expect(table.findPlaceholder("ns", "svc")).toBeDefined();
    expect(table.findPlaceholder("default", "kubernetes")).toBeUndefined();
  });
});
