import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";
import { isIPv4 } from "node:net";
import {
  bitString,
  explicit,
  implicit,
  integer,
  octetString,
  oid,
  printableString,
  sequence,
  setOf,
  time,
  trueValue,
} from "./der.ts";

// X.509 certificates (RFC 5280) of one kind: an authority, and what a server shows that it signed. Keys are of the curve P-256.

/** As PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** What the serving certificate is for. */
export interface CertificateSubject {
  readonly names: readonly string[];
  readonly addresses: readonly string[];
  readonly now: Date;
}

const dayMs = 24 * 3600 * 1000;
/** Clocks may differ. */
const backdatedMs = 3600 * 1000;
const authorityDays = 3650;
const servingDays = 825;
const authorityName = "kelvin-local-cluster-ca";

/** Makes a new certificate authority and one serving certificate signed by it. */
export function makeCertificates({ names, addresses, now }: CertificateSubject): { ca: KeyPair; serving: KeyPair } {
  const [caKeys, servingKeys] = [makeKeys(), makeKeys()];
  const signed = { now, issuerKey: caKeys.privateKey };
  const ca = makeCertificate({
    ...signed,
    name: authorityName,
    days: authorityDays,
    publicKey: caKeys.publicKey,
    extensions: [
      extension(oids.basicConstraints, sequence(trueValue()), "critical"),
      // Digital signatures, signatures of certificates and of revocation lists.
      extension(oids.keyUsage, bitString(Buffer.from([0x86]), 1), "critical"),
      extension(oids.subjectKeyIdentifier, octetString(identifierOf(caKeys.publicKey))),
    ],
  });
  const serving = makeCertificate({
    ...signed,
    name: "kube-apiserver",
    days: servingDays,
    publicKey: servingKeys.publicKey,
    extensions: [
      extension(oids.basicConstraints, sequence(), "critical"),
      // Digital signatures only.
      extension(oids.keyUsage, bitString(Buffer.from([0x80]), 7), "critical"),
      extension(oids.extendedKeyUsage, sequence(oid(oids.serverAuth))),
      extension(oids.subjectAltName, sequence(...names.map(dnsName), ...addresses.map(ipAddress))),
      extension(oids.authorityKeyIdentifier, sequence(implicit(0, identifierOf(caKeys.publicKey)))),
    ],
  });
  return {
    ca: { cert: ca, key: keyPem(caKeys.privateKey) },
    serving: { cert: serving, key: keyPem(servingKeys.privateKey) },
  };
}

const oids = {
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  commonName: "2.5.4.3",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
} as const;

function makeKeys(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

function keyPem(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

interface CertificateParts {
  readonly name: string;
  readonly days: number;
  readonly now: Date;
  readonly publicKey: KeyObject;
  readonly issuerKey: KeyObject;
  readonly extensions: readonly Buffer[];
}

function makeCertificate({ name, days, now, publicKey, issuerKey, extensions }: CertificateParts): string {
  const algorithm = sequence(oid(oids.ecdsaWithSha256));
  const toBeSigned = sequence(
    // The third version of the format, which has extensions.
    explicit(0, integer(Buffer.from([2]))),
    // The first bit must be 0, or the number would be negative.
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    algorithm,
    commonName(authorityName),
    sequence(time(new Date(now.getTime() - backdatedMs)), time(new Date(now.getTime() + days * dayMs))),
    commonName(name),
    publicKey.export({ type: "spki", format: "der" }),
    explicit(3, sequence(...extensions)),
  );
  const der = sequence(toBeSigned, algorithm, bitString(sign("sha256", toBeSigned, issuerKey)));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

function commonName(name: string): Buffer {
  return sequence(setOf(sequence(oid(oids.commonName), printableString(name))));
}

function extension(id: string, value: Buffer, critical?: "critical"): Buffer {
  return sequence(oid(id), ...(critical === undefined ? [] : [trueValue()]), octetString(value));
}

const pointBytes = 65;

/** What an authority's key is known by: the SHA-1 of its point, which is the end of its encoding. */
function identifierOf(key: KeyObject): Buffer {
  const point = key.export({ type: "spki", format: "der" }).subarray(-pointBytes);
  return createHash("sha1").update(point).digest();
}

function dnsName(name: string): Buffer {
  return implicit(2, Buffer.from(name, "latin1"));
}

function ipAddress(address: string): Buffer {
  return implicit(7, Buffer.from(isIPv4(address) ? address.split(".").map(Number) : bytesOfIpv6(address)));
}

/** Without its zone, which means something on one machine only. */
function bytesOfIpv6(address: string): number[] {
  // A URL writes the address in its one short form, without dots.
  const short = new URL(`http://[${address.split("%")[0]}]`).hostname.slice(1, -1);
  const [head = "", tail = ""] = short.split("::");
  const [before, after] = [groupsOf(head), groupsOf(tail)];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0);
  return [...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 0xff]);
}

function groupsOf(text: string): number[] {
  return text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
}
