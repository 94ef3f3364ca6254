import { describe, expect, test } from "@jest/globals";
import type { EndpointSlice } from "@kelvin/kube";
import { selectEndpoints } from "./endpoints.ts";

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
