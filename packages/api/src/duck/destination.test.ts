import { rootCertificates } from "node:tls";
import { describe, expect, test } from "@jest/globals";
import { parseEventingFeatures } from "../eventing/config/features-config.ts";
import { fieldErrorText } from "../meta/field-error.ts";
import { defaultDestination } from "./destination.defaults.ts";
import { joinUri, resolveDestination } from "./destination.resolution.ts";
import type { Destination } from "./destination.types.ts";
import { validateDestination } from "./destination.validation.ts";
import { forbiddenHostReason } from "./forbidden-host.ts";

const broker = { apiVersion: "eventing.knative.dev/v1", kind: "Broker", namespace: "ns", name: "b" };
const service = { apiVersion: "v1", kind: "Service", namespace: "ns", name: "s" };
const pem = (type: string, body: string): string => `-----BEGIN ${type}-----\n${body}\n-----END ${type}-----\n`;

describe("validation of", () => {
  const features = parseEventingFeatures();
  test.each([
    [{ uri: "http://x/p?q=1" }, ""],
    [{ ref: broker }, ""],
    [{ ref: broker, uri: "/p" }, ""],
    [{ ref: broker, uri: "" }, ""],
    [{}, "expected at least one, got none: ref, uri"],
    [{ CACerts: "x" }, "expected at least one, got none: ref, uri"],
    [
      { ref: broker, uri: "http://x" },
      "Absolute URI is not allowed when Ref or [apiVersion, kind, name] is present: [apiVersion, kind, name], ref, uri",
    ],
    [{ uri: "/p" }, "invalid value: Relative URI is not allowed when Ref and [apiVersion, kind, name] is absent: uri"],
    [
      { uri: "http:///p" },
      "invalid value: Relative URI is not allowed when Ref and [apiVersion, kind, name] is absent: uri",
    ],
    [{ uri: "ftp://x" }, "invalid value: ftp://x: uri\nmust be a URL that begins with http:// or https://"],
    [
      { uri: "http://x:99999" },
      "invalid value: http://x:99999: uri\nmust be a URL that begins with http:// or https://",
    ],
    [
      { uri: "http://169.254.169.254/latest" },
      "invalid value: http://169.254.169.254/latest: uri\nlink-local addresses, where clouds have their metadata, take no events",
    ],
    [{ ref: {} }, "missing field(s): ref.apiVersion, ref.kind, ref.name"],
    [{ ref: { ...broker, name: "" } }, "missing field(s): ref.name"],
    // Knative does not look at a reference that has a URI with it, and then never resolves it.
    [{ ref: { kind: "Broker" }, uri: "/p" }, "missing field(s): ref.apiVersion, ref.name"],
    [
      { ref: { ...broker, group: "eventing.knative.dev" } },
      "must not set the field(s): ref.group\nit needs the feature kreference-group",
    ],
    [{ uri: "http://x", CACerts: "x" }, "invalid value: CA Cert provided is invalid: caCert"],
    [
      { uri: "http://x", CACerts: pem("PRIVATE KEY", "AAAA") },
      "invalid value: CA Cert provided is not a certificate: caCert",
    ],
    [{ uri: "http://x", CACerts: pem("CERTIFICATE", "AAAA") }, "invalid value: CA Cert provided is invalid: caCert"],
  ] as [Destination, string][])("%j", (destination, want) => {
    expect(fieldErrorText(validateDestination(destination, features))).toBe(want);
  });

  test("certificates, one or several in one text", () => {
    const [first = "", second = ""] = rootCertificates;
    const text = (CACerts: string): string =>
      fieldErrorText(validateDestination({ uri: "https://x", CACerts }, features));
    expect(text(first)).toBe("");
    expect(text(`${first}\n${second}\n`)).toBe("");
    expect(text(`${first}\n${second.replace(/[A-Za-z0-9]{40}\n/, "\n")}`)).toMatch(/^invalid value: CA Cert provided/);
  });

  test("a group in place of a version, where that is allowed", () => {
    const allowed = parseEventingFeatures({ "kreference-group": "allowed" });
    const text = (ref: Destination["ref"]): string => fieldErrorText(validateDestination({ ref: ref ?? {} }, allowed));
    expect(text({ kind: "Broker", name: "b", group: "eventing.knative.dev" })).toBe("");
    expect(text({ ...broker, group: "eventing.knative.dev" })).toBe("");
    expect(text({ kind: "Broker", name: "b" })).toBe("missing field(s): ref.apiVersion, ref.group");
    expect(text({ ...broker, group: "eventing" })).toBe(
      "both apiVersion and group are specified and they refer to different API groups: ref.apiVersion, ref.group\n" +
        "Only one of them should be specified",
    );
  });
});

test("a reference has the namespace of its holder, unless it says another", () => {
  const destinations: Destination[] = [
    { ref: { name: "a" } },
    { ref: { name: "a", namespace: "other" } },
    { uri: "u" },
  ];
  for (const destination of destinations) defaultDestination(destination, "ns");
  expect(destinations).toEqual([
    { ref: { name: "a", namespace: "ns" } },
    { ref: { name: "a", namespace: "other" } },
    { uri: "u" },
  ]);
});

const addressed = { status: { address: { url: "http://old/ns/b" } } };
const listed = {
  status: {
    address: { url: "http://old/ns/b" },
    addresses: [
      { name: "https", url: "https://tls/ns/b", CACerts: "their", audience: "aud" },
      { name: "http", url: "http://plain/ns/b" },
    ],
  },
};

describe("resolution", () => {
  const ref = broker;
  test.each([
    [{ uri: "http://x/p" }, undefined, { url: "http://x/p" }],
    [{ uri: "http://x", CACerts: "c", audience: "a" }, undefined, { url: "http://x", CACerts: "c", audience: "a" }],
    [{ ref: service }, {}, { url: "http://s.ns.svc.cluster.local" }],
    [{ ref: service, CACerts: "c" }, {}, { url: "https://s.ns.svc.cluster.local", CACerts: "c" }],
    [{ ref: service, uri: "p" }, {}, { url: "http://s.ns.svc.cluster.local/p" }],
    [{ ref }, addressed, { url: "http://old/ns/b" }],
    [{ ref, uri: "/p" }, addressed, { url: "http://old/p" }],
    [{ ref, uri: "p" }, addressed, { url: "http://old/ns/p" }],
    [{ ref, uri: "../p?q" }, addressed, { url: "http://old/p?q" }],
    [{ ref, uri: "?q" }, addressed, { url: "http://old/ns/b?q" }],
    [{ ref, uri: "" }, addressed, { url: "http://old/ns/b" }],
    [{ ref }, listed, { url: "https://tls/ns/b", CACerts: "their", audience: "aud" }],
    [{ ref, CACerts: "mine" }, listed, { url: "https://tls/ns/b", CACerts: "mine", audience: "aud" }],
    [{ ref: { ...ref, address: "http" } }, listed, { url: "http://plain/ns/b" }],
  ] as [Destination, unknown, object][])("%j", (destination, target, address) => {
    const resolved = resolveDestination(destination, { target, clusterDomain: "cluster.local" });
    expect(resolved).toEqual({ ok: true, address });
  });

  test.each([
    [{}, undefined, "destination missing Ref and URI, expected at least one"],
    [{ uri: "/p" }, undefined, 'URI is not absolute (both scheme and host should be non-empty): "/p"'],
    [{ ref }, undefined, "Broker ns/b does not exist"],
    [{ ref }, {}, "address not set for Broker ns/b"],
    [{ ref }, { status: { addresses: [] } }, "address not set for Broker ns/b"],
    [{ ref }, { status: { address: {} } }, "url missing in address of Broker ns/b"],
    [{ ref }, { status: { address: { url: 5 } } }, "url missing in address of Broker ns/b"],
    [{ ref }, { status: { address: { url: "/p" } } }, "hostname missing in address of Broker ns/b"],
    [{ ref: { ...ref, address: "h2" } }, listed, 'Broker ns/b has no address named "h2"; it has: https, http'],
    [{ ref: { ...ref, address: "h2" } }, addressed, 'Broker ns/b has no address named "h2"; it has: none'],
    [{ ref, uri: "http://x" }, addressed, "absolute URI is not allowed when Ref or [apiVersion, kind, name] exists"],
    [
      { ref },
      { status: { address: { url: "http://[fe80::1]/" } } },
      "http://[fe80::1]/ is refused: link-local addresses take no events",
    ],
    // A relative URI may name another host.
    [
      { ref, uri: "//169.254.169.254/p" },
      addressed,
      "http://169.254.169.254/p is refused: link-local addresses, where clouds have their metadata, take no events",
    ],
  ] as [Destination, unknown, string][])("%j of %j is a problem", (destination, target, problem) => {
    const resolved = resolveDestination(destination, { target, clusterDomain: "cluster.local" });
    expect(resolved).toEqual({ ok: false, problem });
  });

  test("a URI that is none", () => {
    expect(joinUri("http://x/", "//[")).toMatchObject({ ok: false });
  });
});

test.each([
  ["169.254.169.254", true],
  ["169.254.0.1", true],
  ["169.253.255.255", false],
  ["169.255.0.0", false],
  ["100.100.100.200", true],
  ["100.100.100.201", false],
  ["168.63.129.16", true],
  ["192.0.0.192", true],
  ["0.0.0.0", true],
  ["224.0.0.1", true],
  ["255.255.255.255", true],
  ["223.255.255.255", false],
  ["10.44.0.5", false],
  ["127.0.0.1", false],
  ["metadata.google.internal", true],
  ["Metadata.Google.Internal.", true],
  ["metadata", true],
  ["metadata.shop.svc.cluster.local", false],
  ["[fe80::1]", true],
  ["fe80::1%eth0", true],
  ["febf::1", true],
  ["fec0::1", false],
  ["ff02::1", true],
  ["::", true],
  ["::1", false],
  ["fd00::1", false],
  ["fd00:ec2::254", true],
  ["fd20:ce::254", true],
  ["::ffff:169.254.169.254", true],
  ["::ffff:a9fe:a9fe", true],
  ["64:ff9b::a9fe:a9fe", true],
  ["2002:a9fe:a9fe::1", true],
  ["::ffff:10.0.0.1", false],
  ["hello.default.svc.cluster.local", false],
])("nothing is sent to %s: %s", (host, want) => {
  expect(forbiddenHostReason(host) !== undefined).toBe(want);
});

test.each(["http://2852039166/", "http://0xa9fea9fe/", "http://0251.0376.0251.0376/", "http://169.254.43518/"])(
  "%s is seen through",
  (url) => {
    expect(forbiddenHostReason(new URL(url).hostname)).toBeDefined();
  },
);
