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
/** Makes a certificate authority and with it a certificate for these DNS names. The authority's key is not kept. */
export async function mintCertificate(
  dnsNames: readonly string[],
  now: Date,
): Promise<Omit<ServingCertificate, "caPems"> & { caPem: string }> {
  // Needed at a cluster's first start, and once a year.
  const { issueCertificates } = await import("@kelvin/x509");
  const days = CERTIFICATE_MS / (24 * 3600 * 1000);
  const { ca, serving } = issueCertificates({
    now,
    authority: { name: `kelvin-admission-${crypto.randomBytes(6).toString("hex")}`, days },
    serving: { name: dnsNames[0] ?? "", days, names: dnsNames },
  });
  return { certPem: serving.cert, keyPem: serving.key, caPem: ca.cert };
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
