import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import { issueCertificates, type KeyPair } from "@kelvin/x509";
import { isRecord, stringAt } from "../api-object.ts";
import { kubernetesServiceAddress } from "../strategies/service.ts";
import { generateTokenKey } from "./tokens.ts";

/** What makes a server itself: kept over restarts, so that kubeconfigs and tokens go on being good. */
export interface Identity {
  readonly ca: KeyPair;
  readonly serving: KeyPair;
  readonly tokenKey: string;
  readonly adminToken: string;
}

export interface IdentityOptions {
  readonly dataDir?: string;
  readonly extraNames?: readonly string[];
  readonly extraAddresses?: readonly string[];
}

const fileName = "identity.json";
const authorityDays = 3650;
const servingDays = 825;
const names = [
  "localhost",
  "kubernetes",
  "kubernetes.default",
  "kubernetes.default.svc",
  "kubernetes.default.svc.cluster.local",
];
const addresses = ["127.0.0.1", "::1", kubernetesServiceAddress];

/** Reads the identity of a data directory, or makes it. Without a directory, or with other names, it is a new one. */
export async function loadIdentity(options: IdentityOptions, now: () => Date): Promise<Identity> {
  const allNames = [...new Set([...names, ...(options.extraNames ?? [])])].filter((name) => isIP(name) === 0);
  const allAddresses = [...new Set([...addresses, ...(options.extraAddresses ?? [])])];
  const stored = options.dataDir === undefined ? undefined : await readIdentity(options.dataDir);
  const subject = [...allNames, ...allAddresses].join(",");
  if (stored !== undefined && stored.subject === subject) return stored;
  const identity = {
    ...issueCertificates({
      now: now(),
      authority: { name: "kelvin-local-cluster-ca", days: authorityDays },
      serving: { name: "kube-apiserver", days: servingDays, names: allNames, addresses: allAddresses },
    }),
    tokenKey: stored?.tokenKey ?? generateTokenKey(),
    adminToken: stored?.adminToken ?? randomBytes(32).toString("base64url"),
    subject,
  };
  if (options.dataDir !== undefined) await writeIdentity(options.dataDir, identity);
  return identity;
}

type StoredIdentity = Identity & { readonly subject: string };

async function readIdentity(dataDir: string): Promise<StoredIdentity | undefined> {
  let text: string;
  try {
    text = await readFile(join(dataDir, fileName), "utf8");
  } catch (error) {
    if (isRecord(error) && error["code"] === "ENOENT") return undefined;
    throw error;
  }
  const value = parseIdentity(text, join(dataDir, fileName));
  return {
    ca: keyPairOf(value, "ca"),
    serving: keyPairOf(value, "serving"),
    tokenKey: stringAt(value, "tokenKey"),
    adminToken: stringAt(value, "adminToken"),
    subject: stringAt(value, "subject"),
  };
}

function parseIdentity(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(
      `${path} is damaged; remove it to get new keys (kubeconfigs and tokens made before are then void)`,
      {
        cause: error,
      },
    );
  }
}

function keyPairOf(value: unknown, field: string): KeyPair {
  return { cert: stringAt(value, field, "cert"), key: stringAt(value, field, "key") };
}

async function writeIdentity(dataDir: string, identity: StoredIdentity): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const path = join(dataDir, fileName);
  await writeFile(`${path}.new`, JSON.stringify(identity), { mode: 0o600, flush: true });
  await rename(`${path}.new`, path);
}
