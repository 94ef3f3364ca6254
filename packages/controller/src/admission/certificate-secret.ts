import { AlreadyExistsError, ConflictError, Secret } from "@kelvin/kube";
import type { KubeClient } from "@kelvin/kube";
import { isUsable, mintCertificate } from "./certificate.ts";
import type { ServingCertificate } from "./certificate.ts";

// The names Knative gives these entries.
const CERT = "server-cert.pem";
const KEY = "server-key.pem";
const CA = "ca-cert.pem";

/** Which Secret, for which names. */
export interface CertificateSecret {
  readonly namespace: string;
  readonly name: string;
  readonly dnsNames: readonly string[];
}

/**
 * Gives the certificate that the Secret holds; makes and stores one when there is none or it is due. All replicas come to
 * the same one, for the API server lets only one of their writes through.
 */
export async function ensureCertificate(
  kube: Pick<KubeClient, "find" | "create" | "update">,
  wanted: CertificateSecret,
  now: Date,
): Promise<ServingCertificate> {
  const { namespace, name, dnsNames } = wanted;
  for (let attempts = 1; ; attempts += 1) {
    const secret = await kube.find(Secret, { namespace, name });
    const stored = secret === undefined ? undefined : parseSecret(secret);
    if (stored !== undefined && isUsable(stored, dnsNames[0] ?? "", now)) return stored;

    const certificate = await succeed(stored, wanted, now);
    try {
      await store(kube, { secret, wanted }, certificate);
      return certificate;
    } catch (error) {
      // Another replica was first: use what it stored.
      const wasRace = error instanceof ConflictError || error instanceof AlreadyExistsError;
      if (!wasRace || attempts >= 3) throw error;
    }
  }
}

/** A new certificate; the authority of the one before stays trusted, for other replicas may still serve that. */
async function succeed(
  before: ServingCertificate | undefined,
  { dnsNames }: CertificateSecret,
  now: Date,
): Promise<ServingCertificate> {
  const { caPem, ...minted } = await mintCertificate(dnsNames, now);
  return { ...minted, caPems: [caPem, ...(before?.caPems.slice(0, 1) ?? [])] };
}

async function store(
  kube: Pick<KubeClient, "create" | "update">,
  { secret, wanted: { namespace, name } }: { secret: Secret | undefined; wanted: CertificateSecret },
  { certPem, keyPem, caPems }: ServingCertificate,
): Promise<void> {
  const data = { [CERT]: base64(certPem), [KEY]: base64(keyPem), [CA]: base64(caPems.join("\n")) };
  if (secret === undefined) {
    await kube.create(Secret, { metadata: { namespace, name }, type: "Opaque", data });
  } else {
    await kube.update(Secret, { ...secret, data: { ...secret.data, ...data } });
  }
}

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function parseSecret({ data = {} }: Secret): ServingCertificate {
  const entry = (name: string): string => Buffer.from(data[name] ?? "", "base64").toString("utf8");
  return { certPem: entry(CERT), keyPem: entry(KEY), caPems: entry(CA).match(PEM) ?? [] };
}

function base64(plain: string): string {
  return Buffer.from(plain).toString("base64");
}
