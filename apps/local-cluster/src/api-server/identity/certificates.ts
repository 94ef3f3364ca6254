import { randomBytes, type webcrypto } from "node:crypto";
import { installReflectMetadata } from "./reflect-metadata.ts";

// Certificates as PEM. The X.509 library is loaded only when there is something to make: its import costs more than a start.

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

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const dayMs = 24 * 3600 * 1000;
const authorityDays = 3650;
const servingDays = 825;

/** Makes a new certificate authority and one serving certificate signed by it. */
export async function makeCertificates(subject: CertificateSubject): Promise<{ ca: KeyPair; serving: KeyPair }> {
  const { names, addresses, now } = subject;
  installReflectMetadata();
  const x509 = await import("@peculiar/x509");
  const { subtle } = globalThis.crypto;
  x509.cryptoProvider.set(globalThis.crypto);
  const caKeys = await subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const nowMs = now.getTime();
  // An hour of slack for clocks that differ.
  const notBefore = new Date(nowMs - 3600 * 1000);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: "CN=kelvin-local-cluster-ca",
    notBefore,
    notAfter: new Date(nowMs + authorityDays * dayMs),
    keys: caKeys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  });
  const servingKeys = await subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const serving = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: "CN=kube-apiserver",
    issuer: ca.subject,
    notBefore,
    notAfter: new Date(nowMs + servingDays * dayMs),
    publicKey: servingKeys.publicKey,
    signingKey: caKeys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        ...names.map((value) => ({ type: "dns" as const, value })),
        ...addresses.map((value) => ({ type: "ip" as const, value })),
      ]),
      await x509.AuthorityKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  });
  return {
    ca: { cert: pemText(ca.toString("pem")), key: await keyPem(caKeys.privateKey) },
    serving: { cert: pemText(serving.toString("pem")), key: await keyPem(servingKeys.privateKey) },
  };
}

function serialNumber(): string {
  // The first bit must be 0, or the number would be negative.
  return `01${randomBytes(15).toString("hex")}`;
}

function pemText(pem: string): string {
  return pem.endsWith("\n") ? pem : `${pem}\n`;
}

async function keyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await globalThis.crypto.subtle.exportKey("pkcs8", key));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join("\n")}\n-----END PRIVATE KEY-----\n`;
}
