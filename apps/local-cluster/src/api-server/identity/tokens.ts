import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomUUID,
  sign,
  verify,
} from "node:crypto";
import type { KeyObject } from "node:crypto";
import type { Store } from "../../storage/store.ts";
import type { ApiObject, JsonObject } from "../api-object.ts";
import { isRecord, listAt, numberAt, stringAt } from "../api-object.ts";
import type { User } from "./user.ts";

export const tokenIssuer = "https://kubernetes.default.svc.cluster.local";

export interface TokenClaims {
  /** Empty means the API server itself. */
  readonly audiences?: readonly string[];
  readonly expirationSeconds: number;
  /** The token is worth nothing once this Pod is gone. */
  readonly pod?: { readonly name: string; readonly uid: string };
}

export interface MintedToken {
  readonly token: string;
  readonly expiresAtMs: number;
  readonly audiences: readonly string[];
}

/** Makes and checks the JWTs of ServiceAccounts. */
export interface ServiceAccountTokens {
  mint(account: ApiObject, claims: TokenClaims): MintedToken;
  /** The account a token stands for; `undefined` when it is not ours, not for `audience`, expired, or its account or Pod is gone. */
  verify(token: string, audience?: string): User | undefined;
  /** The public key as a JSON Web Key Set. */
  keySet(): JsonObject;
}

const verifiedTokensMax = 1_000;

/** A new signing key as PEM. */
export function generateTokenKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

export function makeServiceAccountTokens(keyPem: string, deps: { store: Store; now(): Date }): ServiceAccountTokens {
  const privateKey = createPrivateKey(keyPem);
  const publicKey = createPublicKey(privateKey);
  const jwk = publicKey.export({ format: "jwk" });
  const keyId = createHash("sha256").update(JSON.stringify(jwk)).digest("base64url");
  const header = encode({ alg: "ES256", kid: keyId });
  // Checking a signature costs more than the rest of a small request; clients send the same token again and again.
  const verified = new Map<string, JsonObject>();

  return {
    mint(account, { audiences = [], expirationSeconds, pod }) {
      const nowSeconds = Math.floor(deps.now().getTime() / 1000);
      const { name = "", namespace = "", uid = "" } = account.metadata;
      const expiresSeconds = nowSeconds + expirationSeconds;
      const aud = audiences.length === 0 ? [tokenIssuer] : audiences;
      const payload = encode({
        aud,
        exp: expiresSeconds,
        iat: nowSeconds,
        iss: tokenIssuer,
        jti: randomUUID(),
        "kubernetes.io": { namespace, ...(pod === undefined ? {} : { pod }), serviceaccount: { name, uid } },
        nbf: nowSeconds,
        sub: `system:serviceaccount:${namespace}:${name}`,
      });
      const token = `${header}.${payload}.${signText(`${header}.${payload}`, privateKey)}`;
      return { token, expiresAtMs: expiresSeconds * 1000, audiences: aud };
    },
    verify(token, audience = tokenIssuer) {
      const claims = verified.get(token) ?? readClaims(token, publicKey);
      if (claims === undefined) return undefined;
      if (verified.size >= verifiedTokensMax) verified.clear();
      verified.set(token, claims);
      if ((numberAt(claims, "exp") ?? 0) * 1000 <= deps.now().getTime()) return undefined;
      if (!listAt(claims, "aud").includes(audience)) return undefined;
      return userOf(claims, deps.store);
    },
    keySet: () => ({ keys: [{ ...jwk, use: "sig", alg: "ES256", kid: keyId }] }),
  };
}

function encode(value: JsonObject): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function signText(text: string, key: KeyObject): string {
  return sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" }).toString("base64url");
}

function readClaims(token: string, key: KeyObject): JsonObject | undefined {
  const [header, payload, signature, ...rest] = token.split(".");
  if (header === undefined || payload === undefined || signature === undefined || rest.length > 0) return undefined;
  const isOurs = verify(
    "sha256",
    Buffer.from(`${header}.${payload}`),
    { key, dsaEncoding: "ieee-p1363" },
    Buffer.from(signature, "base64url"),
  );
  if (!isOurs) return undefined;
  const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString());
  return isRecord(claims) ? claims : undefined;
}

/** The account must still be the one the token was made for, and so must its Pod. */
function userOf(claims: JsonObject, store: Store): User | undefined {
  const namespace = stringAt(claims, "kubernetes.io", "namespace");
  const name = stringAt(claims, "kubernetes.io", "serviceaccount", "name");
  const uid = stringAt(claims, "kubernetes.io", "serviceaccount", "uid");
  if (store.get({ type: "/serviceaccounts", namespace, name })?.metadata.uid !== uid) return undefined;
  const pod = stringAt(claims, "kubernetes.io", "pod", "name");
  const podUid = stringAt(claims, "kubernetes.io", "pod", "uid");
  if (pod !== "" && store.get({ type: "/pods", namespace, name: pod })?.metadata.uid !== podUid) return undefined;
  return {
    name: `system:serviceaccount:${namespace}:${name}`,
    uid,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"],
    extra:
      pod === ""
        ? {}
        : {
            "authentication.kubernetes.io/pod-name": [pod],
            "authentication.kubernetes.io/pod-uid": [podUid],
          },
  };
}
