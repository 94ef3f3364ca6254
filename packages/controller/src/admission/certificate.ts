import type { webcrypto } from "node:crypto";
import { installReflectMetadata } from "./reflect-metadata.ts";

// Not imported: an ES import evaluates lazy exports too, Web Crypto among them, which only minting needs.
const crypto = process.getBuiltinModule("node:crypto");

/** A serving certificate with its key, and the certificates of the authorities that clients should trust. All PEM. */
export interface ServingCertificate {
  readonly certPem: string;
  readonly keyPem: string;
  /** The authority of `certPem` first; the one before it follows, while servers may still use its certificates. */
  readonly caPems: readonly string[];
}

/** How long a certificate is good for, and how long before its end it is replaced. */
export const CERTIFICATE_MS = 365 * 24 * 3600 * 1000;
export const RENEW_BEFORE_MS = 60 * 24 * 3600 * 1000;
/** Clients' clocks may be behind. */
const BACKDATED_MS = 3600 * 1000;

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** Makes a certificate authority and with it a certificate for these DNS names. The authority's key is not kept. */
export async function mintCertificate(
  dnsNames: readonly string[],
  now: Date,
): Promise<Omit<ServingCertificate, "caPems"> & { caPem: string }> {
  installReflectMetadata();
  const x509 = await import("@peculiar/x509");
  const notBefore = new Date(now.getTime() - BACKDATED_MS);
  const notAfter = new Date(now.getTime() + CERTIFICATE_MS);
  const common = { notBefore, notAfter, signingAlgorithm: ALGORITHM };
  const [caKeys, keys] = await Promise.all([makeKeys(), makeKeys()]);
  // Two authorities of one name would make clients that know both try the wrong one.
  const caName = `CN=kelvin-admission-${crypto.randomBytes(6).toString("hex")}`;
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...common,
    name: caName,
    keys: caKeys,
    serialNumber: serialNumber(),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  });
  const certificate = await x509.X509CertificateGenerator.create({
    ...common,
    subject: `CN=${dnsNames[0]}`,
    issuer: caName,
    publicKey: keys.publicKey,
    signingKey: caKeys.privateKey,
    serialNumber: serialNumber(),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(dnsNames.map((value) => ({ type: "dns", value }))),
      await x509.AuthorityKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  });
  const keyPem = x509.PemConverter.encode(
    await crypto.webcrypto.subtle.exportKey("pkcs8", keys.privateKey),
    "PRIVATE KEY",
  );
  return { certPem: certificate.toString("pem"), keyPem, caPem: ca.toString("pem") };
}

function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

/** Positive and, by its length, unique. */
function serialNumber(): string {
  const bytes = crypto.randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x01;
  return bytes.toString("hex");
}

/** Whether the certificate can be served now: it parses, names the host, is signed by its authority and is not due. */
export function isUsable(certificate: ServingCertificate, dnsName: string, now: Date): boolean {
  return certificateEnd(certificate, dnsName) - RENEW_BEFORE_MS > now.getTime();
}

/** The epoch milliseconds at which the certificate ends; 0 for one that is broken or for another name. */
export function certificateEnd({ certPem, keyPem, caPems }: ServingCertificate, dnsName: string): number {
  try {
    const certificate = new crypto.X509Certificate(certPem);
    const authority = new crypto.X509Certificate(caPems[0] ?? "");
    const fits =
      keyPem !== "" && certificate.checkHost(dnsName) !== undefined && certificate.verify(authority.publicKey);
    return fits ? Math.min(Date.parse(certificate.validTo), Date.parse(authority.validTo)) : 0;
  } catch {
    // Whoever edited the Secret gets a new certificate.
    return 0;
  }
}
