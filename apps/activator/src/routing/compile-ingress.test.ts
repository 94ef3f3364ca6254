import type { Ingress, IngressPath } from "@kelvin/api/networking/v1alpha1";
import { describe, expect, test } from "@jest/globals";
import { compileIngress } from "./compile-ingress.ts";
import { chooseSplit, findPath, type PathRoute } from "./route.ts";

function ingress(paths: IngressPath[], spec: Partial<Ingress["spec"]> = {}): Ingress {
  return {
    metadata: { name: "hello", namespace: "default", generation: 3, creationTimestamp: "2026-01-01T00:00:00Z" },
    spec: { rules: [{ hosts: ["Hello.Example.com"], http: { paths } }], ...spec },
  };
}

function onlyPath(path: IngressPath): PathRoute {
  const route = compileIngress(ingress([path])).hosts[0]?.paths[0];
  if (route === undefined) throw new Error("no path");
  return route;
}

const toRevision = { "Knative-Serving-Revision": "r1", "knative-serving-namespace": "default" };

describe("compileIngress", () => {
  test("knows its key, generation, hosts and revisions", () => {
    expect(compileIngress(ingress([{ splits: [{ percent: 100, appendHeaders: toRevision }] }]))).toMatchObject({
      key: "default/hello",
      generation: 3,
      hosts: [{ host: "hello.example.com", visibility: "ExternalIP", redirectsToHttps: false }],
      revisions: ["default/r1"],
    });
  });

  test("the headers that name the revision steer and are not passed on", () => {
    const split = onlyPath({ splits: [{ percent: 100, appendHeaders: { ...toRevision, "X-A": "1" } }] }).splits[0];
    expect(split?.target).toEqual({ kind: "revision", namespace: "default", name: "r1", key: "default/r1" });
    expect(split?.rules).toEqual({ set: { "X-A": "1" } });
  });

  test("a split's headers overwrite the path's, whatever their case", () => {
    const path = {
      appendHeaders: { "X-A": "path", "X-B": "path" },
      splits: [{ serviceName: "s", appendHeaders: { "x-a": "split" } }],
    };
    expect(onlyPath(path).splits[0]?.rules).toEqual({ set: { "x-a": "split", "X-B": "path" } });
  });

  test("without both headers the target is a Service, by default in the Ingress's namespace", () => {
    const half = { "Knative-Serving-Revision": "r1" };
    const path = { splits: [{ serviceName: "s", servicePort: 80, percent: 100, appendHeaders: half }] };
    expect(onlyPath(path).splits[0]?.target).toEqual({ kind: "service", namespace: "default", name: "s", port: 80 });
  });

  test("shares: nothing for 0 percent, everything for a lone split", () => {
    const backend = (serviceName: string, percent: number) => ({ serviceName, percent });
    const path = onlyPath({ splits: [backend("a", 90), backend("off", 0), backend("b", 10)] });
    const nameAt = (fraction: number) => chooseSplit(path, fraction)?.target.name;
    expect([0, 0.899, 0.9, 0.999].map(nameAt)).toEqual(["a", "a", "b", "b"]);
    expect(onlyPath({ splits: [{ serviceName: "only" }] }).shareTotal).toBe(100);
    expect(chooseSplit(onlyPath({ splits: [] }), 0)).toBeUndefined();
  });

  test("only a host with a certificate is redirected to HTTPS", () => {
    const path = { splits: [{ serviceName: "s" }] };
    const redirects = (spec: object) => compileIngress(ingress([path], spec)).hosts[0]?.redirectsToHttps;
    expect(redirects({ httpOption: "Redirected" })).toBe(false);
    expect(redirects({ httpOption: "Redirected", tls: [{ secretName: "c" }] })).toBe(true);
  });

  test("refuses a header that could not stand in a head", () => {
    const path = { splits: [{ serviceName: "s", appendHeaders: { "X-A": "a\r\nHost: evil" } }] };
    expect(() => compileIngress(ingress([path]))).toThrow(TypeError);
  });
});

test("findPath takes the first path in list order whose prefix and headers fit", () => {
  const to = (serviceName: string) => ({ splits: [{ serviceName }] });
  const host = compileIngress(
    ingress([
      { path: "/a", headers: { "X-Beta": { exact: "1" } }, ...to("beta") },
      { path: "/a", ...to("a") },
      { path: "/a/b", ...to("never") },
      to("rest"),
    ]),
  ).hosts[0];
  if (host === undefined) throw new Error("no host");
  const find = (path: string, headers: Record<string, string> = {}) =>
    findPath(host, { path, header: (name) => headers[name] })?.splits[0]?.target.name;
  expect(find("/a/b")).toBe("a");
  expect(find("/a", { "x-beta": "1" })).toBe("beta");
  expect(find("/")).toBe("rest");
});
