import { createPrivateKey, X509Certificate } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:tls";
import { describe, expect, test } from "@jest/globals";
import { issueCertificates, type IssuedCertificates } from "./certificates.ts";

const now = new Date("2026-06-01T12:00:00.000Z");
const names = ["localhost", "kubernetes.default.svc", `${"a".repeat(60)}.${"b".repeat(60)}.test`];
const addresses = ["127.0.0.1", "10.96.0.1", "::1", "fe80::1:20%eth0", "::ffff:192.0.2.7", "2001:db8:0:1:2:3:4:5"];

const issue = (at: Date): IssuedCertificates =>
  issueCertificates({
    now: at,
    authority: { name: "test authority", days: 3650 },
    serving: { name: "test-server", days: 825, names, addresses },
  });

describe("certificates", () => {
  const { ca, serving } = issue(now);
  const [authority, certificate] = [new X509Certificate(ca.cert), new X509Certificate(serving.cert)];

  test("the authority signed itself and the serving certificate, each with its key", () => {
    expect(authority.ca).toBe(true);
    expect(authority.verify(authority.publicKey)).toBe(true);
    expect(certificate.ca).toBe(false);
    expect(certificate.verify(authority.publicKey)).toBe(true);
    expect(certificate.checkIssued(authority)).toBe(true);
    expect(authority.checkPrivateKey(createPrivateKey(ca.key))).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(serving.key))).toBe(true);
    expect([authority.subject, certificate.issuer, certificate.subject]).toEqual([
      "CN=test authority",
      "CN=test authority",
      "CN=test-server",
    ]);
  });

  test.each(["", "under_score", "é", "a".repeat(65)])("cannot be named %j", (name) => {
    const serving = { name: "x", days: 1, names };
    expect(() => issueCertificates({ now, authority: { name, days: 1 }, serving })).toThrow("common name");
  });

  test("serve all names and addresses, and no others", () => {
    for (const name of names) expect(certificate.checkHost(name)).toBe(name);
    expect(certificate.checkHost("elsewhere.test")).toBeUndefined();
    for (const address of ["127.0.0.1", "10.96.0.1", "::1", "fe80::1:20", "2001:db8:0:1:2:3:4:5"]) {
      expect(certificate.checkIP(address)).toBe(address);
    }
    expect(certificate.subjectAltName).toContain("IP Address:0:0:0:0:0:FFFF:C000:207");
    expect(certificate.checkIP("127.0.0.2")).toBeUndefined();
  });

  test("are good from an hour ago for 825 days and ten years", () => {
    expect(certificate.validFromDate).toEqual(new Date("2026-06-01T11:00:00.000Z"));
    expect(certificate.validToDate).toEqual(new Date(now.getTime() + 825 * 24 * 3600 * 1000));
    expect(authority.validToDate).toEqual(new Date(now.getTime() + 3650 * 24 * 3600 * 1000));
  });

  test("are good beyond 2049 too, where the form of a time changes", () => {
    const late = issue(new Date("2045-01-01T00:00:00.000Z"));
    expect(new X509Certificate(late.ca.cert).validToDate.getUTCFullYear()).toBe(2054);
  });

  test("have serial numbers of their own", () => {
    const again = issue(now);
    const all = [authority.serialNumber, certificate.serialNumber, new X509Certificate(again.ca.cert).serialNumber];
    expect(new Set(all).size).toBe(3);
  });

  test("let a client that trusts the authority in", async () => {
    const made = issue(new Date());
    const server = createServer(made.serving, (socket) => socket.end("in"));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const socket = connect({ host: "127.0.0.1", port, ca: made.ca.cert });
    let text = "";
    for await (const chunk of socket) text += String(chunk);
    expect({ text, authorized: socket.authorized }).toEqual({ text: "in", authorized: true });
    server.close();
  });
});
