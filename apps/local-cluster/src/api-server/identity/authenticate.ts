import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { ServiceAccountTokens } from "./tokens.ts";
import type { User } from "./user.ts";

const admin: User = { name: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] };

/** Who makes a request, by its bearer token; `undefined` for nobody we know. */
export type Authenticate = (request: Pick<IncomingMessage, "headers">) => User | undefined;

export function makeAuthenticate(adminToken: string, tokens: ServiceAccountTokens): Authenticate {
  const adminDigest = digestOf(adminToken);
  return (request) => {
    const token = /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
    if (token === undefined) return undefined;
    if (timingSafeEqual(digestOf(token), adminDigest)) return admin;
    return tokens.verify(token);
  };
}

function digestOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
