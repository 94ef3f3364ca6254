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

const host = "nameserver 192.0.2.53\nsearch office.example lan\n";
const dnsConfig = { nameservers: ["192.0.2.1"], searches: ["shop.example"], options: [{ name: "ndots", value: "2" }] };

test.each([
  [
    "short names are looked for in the Pod's namespace first",
    {},
    "nameserver 10.96.0.10\nsearch shop.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5 timeout:2 attempts:3\n",
  ],
  [
    "dnsConfig adds to that, and its options win",
    { dnsConfig },
    "nameserver 10.96.0.10\nnameserver 192.0.2.1\nsearch shop.svc.cluster.local svc.cluster.local cluster.local shop.example\noptions ndots:2 timeout:2 attempts:3\n",
  ],
  [
    "under dnsPolicy None there is nothing but dnsConfig",
    { dnsPolicy: "None", dnsConfig },
    "nameserver 192.0.2.1\nsearch shop.example\noptions ndots:2\n",
  ],
  [
    "under dnsPolicy Default names are looked for as on the machine",
    { dnsPolicy: "Default" },
    "nameserver 10.96.0.10\nsearch office.example lan\noptions timeout:2 attempts:3\n",
  ],
])("%s", (_, spec, expected) => {
  expect(renderResolver(pod(spec), host)).toBe(expected);
});

test("only how hosts are looked up is changed", () => {
  expect(renderNameSwitch("passwd: files\nhosts: files myhostname dns\nnetworks: files\n")).toBe(
    "hosts: files dns\npasswd: files\nnetworks: files\n",
  );
});
