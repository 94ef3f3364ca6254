import { expect, test } from "@jest/globals";
import { renderHosts, renderNameSwitch, renderResolver } from "./system-files.ts";

const pod = (spec: object) => ({ metadata: { name: "web-7", namespace: "shop" }, spec: { containers: [], ...spec } });

test("a Pod knows itself and its aliases without asking anybody", () => {
  const hostAliases = [{ ip: "10.1.2.3", hostnames: ["old", "old.example"] }];
  expect(renderHosts(pod({ hostAliases }), "10.44.0.2")).toBe(
    "127.0.0.1 localhost\n::1 localhost ip6-localhost\n10.44.0.2 web-7\n10.1.2.3 old old.example\n",
  );
  expect(renderHosts(pod({ hostname: "db-0", subdomain: "db" }), "10.44.0.2")).toContain(
    "10.44.0.2 db-0.db.shop.svc.cluster.local db-0\n",
  );
});

test("short names are looked for in the Pod's namespace first", () => {
  expect(renderResolver("shop")).toContain("search shop.svc.cluster.local svc.cluster.local cluster.local\n");
});

test("only how hosts are looked up is changed", () => {
  expect(renderNameSwitch("passwd: files\nhosts: files myhostname dns\nnetworks: files\n")).toBe(
    "hosts: files dns\npasswd: files\nnetworks: files\n",
  );
});
