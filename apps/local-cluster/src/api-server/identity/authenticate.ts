import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { ServiceAccountTokens } from "./tokens.ts";
import type { User } from "./user.ts";

const admin: User = { name: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] };

/** Who makes a request, by its bearer token; `undefined` for nobody we know. */
export type Authenticate = (request: Pick<IncomingMessage, "headers">) => User | undefined;

export function makeAuthenticate(adminToken: string, tokens: ServiceAccountTokens): Authenticate {
  const adminDigest = digestOf(adminToken);
  // Found by its hash, so that a guess learns nothing from the time it takes.
  const adminHeaders = new Set<string>();
  return (request) => {
    const { authorization = "" } = request.headers;
    if (adminHeaders.has(authorization)) return admin;
    const token = /^Bearer\s+(\S+)$/i.exec(authorization)?.[1];
    if (token === undefined) return undefined;
    if (!timingSafeEqual(digestOf(token), adminDigest)) return tokens.verify(token);
    if (adminHeaders.size < adminHeadersMax) adminHeaders.add(authorization);
    return admin;
  };
}

/** The scheme may be written in any case. */
const adminHeadersMax = 4;

function digestOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
