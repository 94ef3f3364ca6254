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

/** A certificate with its private key. Both PEM; the key is PKCS #8. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** What is to be certified, and for how long. */
export interface CertificateRequest {
  /** The certificates are good from an hour before, for clients' clocks may be behind. */
  readonly now: Date;
  /** Two authorities of one name would make clients that know both try the wrong one. */
  readonly authority: Subject;
  /** DNS names and IP addresses that clients may reach the server by. */
  readonly serving: Subject & { readonly names: readonly string[]; readonly addresses?: readonly string[] };
}

interface Subject {
  /** Its common name: letters, digits, spaces and `'()+,-./:=?`, 64 at most. */
  readonly name: string;
  readonly days: number;
}

/** What `issueCertificates` has made. */
export interface IssuedCertificates {
  /** What clients trust. Who does not keep its key cannot have another certificate signed by it. */
  readonly ca: KeyPair;
  readonly serving: KeyPair;
}

const dayMs = 24 * 3600 * 1000;
const backdatedMs = 3600 * 1000;

/**
 * Makes a new certificate authority and one serving certificate signed by it, each with a key of its own.
 * @throws RangeError when a common name has other signs, or more of them, than it may.
 */
export function issueCertificates({ now, authority, serving }: CertificateRequest): IssuedCertificates {
  const [caKeys, servingKeys] = [makeKeys(), makeKeys()];
  const signed = { now, issuer: authority.name, issuerKey: caKeys.privateKey };
  const caCert = makeCertificate({
    ...signed,
    ...authority,
    publicKey: caKeys.publicKey,
    extensions: [
      // Of servers only: no further authority below it.
      extension(oids.basicConstraints, sequence(trueValue(), integer(Buffer.from([0]))), "critical"),
      // Signatures of certificates and of revocation lists.
      extension(oids.keyUsage, bitString(Buffer.from([0x06]), 1), "critical"),
      extension(oids.subjectKeyIdentifier, octetString(identifierOf(caKeys.publicKey))),
    ],
  });
  const names = [...serving.names.map(dnsName), ...(serving.addresses ?? []).map(ipAddress)];
  const servingCert = makeCertificate({
    ...signed,
    ...serving,
    publicKey: servingKeys.publicKey,
    extensions: [
      extension(oids.basicConstraints, sequence(), "critical"),
      // Digital signatures only.
      extension(oids.keyUsage, bitString(Buffer.from([0x80]), 7), "critical"),
      extension(oids.extendedKeyUsage, sequence(oid(oids.serverAuth))),
      extension(oids.subjectAltName, sequence(...names)),
      extension(oids.authorityKeyIdentifier, sequence(implicit(0, identifierOf(caKeys.publicKey)))),
    ],
  });
  return {
    ca: { cert: caCert, key: keyPem(caKeys.privateKey) },
    serving: { cert: servingCert, key: keyPem(servingKeys.privateKey) },
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

interface CertificateParts extends Subject {
  readonly now: Date;
  readonly issuer: string;
  readonly publicKey: KeyObject;
  readonly issuerKey: KeyObject;
  readonly extensions: readonly Buffer[];
}

function makeCertificate({ name, days, now, issuer, publicKey, issuerKey, extensions }: CertificateParts): string {
  const algorithm = sequence(oid(oids.ecdsaWithSha256));
  const toBeSigned = sequence(
    // The third version of the format, which has extensions.
    explicit(0, integer(Buffer.from([2]))),
    // The first bit must be 0, or the number would be negative.
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    algorithm,
    commonName(issuer),
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
  if (!/^[A-Za-z0-9 '()+,./:=?-]{1,64}$/.test(name))
    throw new RangeError(`"${name}" cannot be a common name: 1 to 64 letters, digits, spaces and '()+,-./:=?`);
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
