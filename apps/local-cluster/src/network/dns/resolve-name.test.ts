import { describe, expect, test } from "@jest/globals";
import type { CoreService, EndpointSlice } from "@kelvin/kube";
import { serviceNameLabel } from "../endpoints.ts";
import { type DnsAnswer, type DnsRecord, recordTypes, responseCodes } from "./message.ts";
import { type NameSource, type Question, resolveName } from "./resolve-name.ts";

const service = (name: string, spec: NonNullable<CoreService["spec"]>): CoreService => ({
  metadata: { name, namespace: "shop" },
  spec,
});

const services = [
  service("web", {
    clusterIP: "10.96.1.1",
    clusterIPs: ["10.96.1.1"],
    ports: [
      { name: "http", port: 80 },
      { name: "dns", port: 53, protocol: "UDP" },
    ],
  }),
  service("db", { clusterIP: "None" }),
  service("empty", { clusterIP: "None" }),
  service("alias", { type: "ExternalName", externalName: "Web.shop.svc.cluster.local." }),
  service("twice", { type: "ExternalName", externalName: "alias.shop.svc.cluster.local" }),
  service("outside", { type: "ExternalName", externalName: "example.com" }),
  service("circle", { type: "ExternalName", externalName: "circle.shop.svc.cluster.local" }),
];

const slice: EndpointSlice = {
  metadata: { namespace: "shop", labels: { [serviceNameLabel]: "db" } },
  addressType: "IPv4",
  ports: [{ name: "sql", port: 5432, protocol: "TCP" }],
  endpoints: [
    { addresses: ["10.44.0.2"], hostname: "db-0", conditions: { ready: true } },
    { addresses: ["10.44.0.3"] },
    { addresses: ["10.44.0.4"], conditions: { ready: false } },
  ],
};

const source: NameSource = {
  findService: (namespace, name) => services.find((found) => namespace === "shop" && found.metadata.name === name),
  slicesOf: (_namespace, name) => (name === "db" ? [slice] : []),
  hasNamespace: (namespace) => namespace === "shop",
  ownersOf: (address) => ({
    services: services.filter(({ spec }) => spec?.clusterIP === address),
    slices: address === "10.44.0.2" || address === "10.44.0.3" ? [slice] : [],
  }),
  hostAddress: "10.96.0.2",
};

/** What lies outside counts as not there. */
function resolve(question: Question): DnsAnswer {
  const found = resolveName(question, source);
  return "outsideName" in found ? { code: responseCodes.nameError, answers: found.answers } : found;
}

function show(record: DnsRecord): string {
  if (record.type === "CNAME" || record.type === "PTR") return `${record.type} ${record.target}`;
  return record.type === "SRV"
    ? `SRV ${record.port} ${record.target}`
    : `${record.type} ${"address" in record ? record.address : ""}`;
}

const ask = (name: string, type: number = recordTypes.a): string[] | number => {
  const { code, answers } = resolve({ name, type });
  return code === responseCodes.ok || answers.length > 0 ? answers.map(show) : code;
};

describe("resolveName", () => {
  const zone = "shop.svc.cluster.local";
  test.each([
    ["a Service", `web.${zone}`, ["A 10.96.1.1"]],
    ["the ready endpoints of a headless Service", `db.${zone}`, ["A 10.44.0.2", "A 10.44.0.3"]],
    ["a Pod by its hostname", `db-0.db.${zone}`, ["A 10.44.0.2"]],
    ["a Pod by its address", `10-44-0-3.db.${zone}`, ["A 10.44.0.3"]],
    ["no Pod that is not ready", `10-44-0-4.db.${zone}`, responseCodes.nameError],
    ["nothing for a headless Service that nobody serves", `empty.${zone}`, responseCodes.nameError],
    ["what an ExternalName leads to", `alias.${zone}`, [`CNAME web.${zone}`, "A 10.96.1.1"]],
    ["an alias of an alias", `twice.${zone}`, [`CNAME alias.${zone}`, `CNAME web.${zone}`, "A 10.96.1.1"]],
    ["an alias to the outside without an address", `outside.${zone}`, ["CNAME example.com"]],
    ["an end for a circle of aliases", `circle.${zone}`, responseCodes.nameError],
    ["any Pod address", "10-44-9-9.shop.pod.cluster.local", ["A 10.44.9.9"]],
    ["the host for its names", "hello.default.localhost", ["A 10.96.0.2"]],
    ["the Pod itself for localhost", "localhost", ["A 127.0.0.1"]],
    ["no Service of another name", `nobody.${zone}`, responseCodes.nameError],
    ["no Service of another namespace", "web.other.svc.cluster.local", responseCodes.nameError],
    ["an empty name above Services", zone, []],
    ["no names of the outside", "example.com", responseCodes.nameError],
    ["no root", "", responseCodes.nameError],
  ])("answers with %s", (_what, name, wanted) => {
    expect(ask(name)).toEqual(wanted);
  });

  test("an IPv6 address that is not there is no reason to deny the name", () => {
    expect(ask(`web.${zone}`, recordTypes.aaaa)).toEqual([]);
    expect(ask("localhost", recordTypes.aaaa)).toEqual(["AAAA ::1"]);
  });

  test("addresses have the names of their Services and endpoints", () => {
    expect(ask("1.1.96.10.in-addr.arpa", recordTypes.ptr)).toEqual([`PTR web.${zone}`]);
    expect(ask("2.0.44.10.in-addr.arpa", recordTypes.ptr)).toEqual([`PTR db-0.db.${zone}`]);
    expect(ask("3.0.44.10.in-addr.arpa", recordTypes.ptr)).toEqual([`PTR 10-44-0-3.db.${zone}`]);
    expect(ask("9.9.44.10.in-addr.arpa", recordTypes.ptr)).toBe(responseCodes.nameError);
    expect(ask("1.1.96.10.in-addr.arpa", recordTypes.a)).toEqual([]);
    expect(ask("1.96.10.in-addr.arpa", recordTypes.ptr)).toBe(responseCodes.nameError);
  });

  test("ports are found by name and protocol", () => {
    expect(ask(`_http._tcp.web.${zone}`, recordTypes.srv)).toEqual([`SRV 80 web.${zone}`]);
    expect(ask(`_dns._udp.web.${zone}`, recordTypes.srv)).toEqual([`SRV 53 web.${zone}`]);
    expect(ask(`_dns._tcp.web.${zone}`, recordTypes.srv)).toBe(responseCodes.nameError);
    expect(ask(`_sql._tcp.db.${zone}`, recordTypes.srv)).toEqual([
      `SRV 5432 db-0.db.${zone}`,
      `SRV 5432 10-44-0-3.db.${zone}`,
    ]);
    expect(resolve({ name: `_sql._tcp.db.${zone}`, type: recordTypes.srv }).additional?.map(show)).toEqual([
      "A 10.44.0.2",
      "A 10.44.0.3",
    ]);
  });
});
