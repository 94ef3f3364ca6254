import { describe, expect, test } from "@jest/globals";
import { candidatesOf } from "./pod-lookup.ts";
import { makeTranslation } from "./translation.ts";

const pod = makeTranslation(64, "10.44.0.5");
const host = makeTranslation(64);
const show = ({ address, port }: { address: string; port: number }): string => `${address}:${port}`;

describe("makeTranslation", () => {
  test.each([
    ["all addresses", "0.0.0.0", 80, "127.64.0.5:32848"],
    ["all addresses of IPv6", "::", 8080, "127.64.0.5:40848"],
    ["its loopback address", "127.0.0.1", 8080, "127.64.0.5:40848"],
    ["its own address", "10.44.0.5", 8080, "127.64.0.5:40848"],
    ["any port", "::", 0, "127.64.0.5:0"],
    ["a Service", "10.96.0.1", 443, "127.65.0.1:33211"],
    ["a Pod, mapped", "::ffff:10.44.0.9", 80, "127.64.0.9:32848"],
    ["the outside", "192.0.2.1", 443, "192.0.2.1:443"],
    ["what is translated already", "127.64.0.9", 40848, "127.64.0.9:40848"],
  ])("from a Pod, %s", (_what, ...row) => {
    const [address, port, wanted] = row;
    expect(show(pod.connect({ address, port }))).toBe(wanted);
  });

  test("the cluster itself keeps its own loopback addresses", () => {
    expect(show(host.bind({ address: "127.0.0.1", port: 8080 }))).toBe("127.0.0.1:8080");
    expect(show(host.bind({ address: "10.44.0.1", port: 443 }))).toBe("127.64.0.1:33211");
  });

  test("what was translated is shown as it was", () => {
    for (const port of [0, 1, 80, 8080, 0x8000, 65_535]) {
      expect(host.show(host.bind({ address: "10.96.7.8", port }))).toEqual({ address: "10.96.7.8", port });
    }
    expect(host.show({ address: "127.0.0.1", port: 9 })).toEqual({ address: "127.0.0.1", port: 9 });
  });
});

test("a name is looked for in the search path first; a last dot ends it", () => {
  expect(candidatesOf("web", ["a.svc.cluster.local", "svc.cluster.local"])).toEqual([
    "web.a.svc.cluster.local",
    "web.svc.cluster.local",
    "web",
  ]);
  expect(candidatesOf("web.example.", ["svc.cluster.local"])).toEqual(["web.example"]);
});
