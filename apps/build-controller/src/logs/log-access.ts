import type { Kind, KubeObject } from "@kelvin/api";
import type { KubeClient } from "@kelvin/kube";

/** Why somebody may not read logs. */
export interface Refusal {
  readonly code: 401 | 403;
  readonly message: string;
}

/** Decides who may read logs. */
export interface LogReader {
  /** Undefined when the bearer of the token may `get pods/log` in the namespace. */
  mayRead(authorization: string | undefined, namespace: string): Promise<Refusal | undefined>;
}

interface TokenReview extends KubeObject {
  spec: { token: string };
  status?: { authenticated?: boolean; user?: UserInfo };
}

interface UserInfo {
  username?: string;
  uid?: string;
  groups?: string[];
  extra?: Record<string, string[]>;
}

interface SubjectAccessReview extends KubeObject {
  spec: object;
  status?: { allowed?: boolean };
}

// Questions in the form of objects: posted, answered in their status, never stored.
const TokenReview: Kind<TokenReview> = review("authentication.k8s.io", "TokenReview");
const SubjectAccessReview: Kind<SubjectAccessReview> = review("authorization.k8s.io", "SubjectAccessReview");

function review(group: string, kind: string): Kind<never> {
  return { group, version: "v1", kind, plural: `${kind.toLowerCase()}s`, namespaced: false };
}

/** Asks the API server who the caller is and what he may do, each time anew. */
export function openLogReader(kube: Pick<KubeClient, "create">): LogReader {
  return {
    async mayRead(authorization = "", namespace) {
      const token = /^Bearer (\S+)$/i.exec(authorization)?.[1];
      if (token === undefined) {
        return { code: 401, message: 'send a token: "Authorization: Bearer <token>", as of kubectl create token' };
      }
      const { status } = await kube.create(TokenReview, { metadata: {}, spec: { token } });
      const user = status?.user;
      if (status?.authenticated !== true || user?.username === undefined) {
        return { code: 401, message: "the token is not valid here" };
      }
      const allowed = await isAllowed(kube, user, namespace);
      if (allowed) return undefined;
      return {
        code: 403,
        message: `User "${user.username}" cannot get resource "pods/log" in API group "" in the namespace "${namespace}"`,
      };
    },
  };
}

async function isAllowed(kube: Pick<KubeClient, "create">, user: UserInfo, namespace: string): Promise<boolean> {
  const { username, uid, groups, extra } = user;
  const resourceAttributes = { namespace, verb: "get", group: "", resource: "pods", subresource: "log" };
  const spec = { user: username, uid, groups, extra, resourceAttributes };
  const { status } = await kube.create(SubjectAccessReview, { metadata: {}, spec });
  return status?.allowed === true;
}
