export { issueCertificates } from "./certificates.ts";
export type { CertificateRequest, IssuedCertificates, KeyPair } from "./certificates.ts";
