import { parseChallenges, type Challenge } from "./challenge.ts";
import { OciError } from "./errors.ts";
import type { Exchange } from "./http-exchange.ts";
import { mayBePlain } from "./registry-endpoint.ts";
import type { RegistryCredential } from "./registry-credential.ts";
import type { RegistryCall, SessionOptions } from "./registry-session.ts";

/** Answers the question of who we are, for one call. */
export interface Authenticator {
  /** The Authorization header that worked before. */
  current(): string | undefined;
  /** The Authorization header that a 401 asks for; undefined when we have nothing (more) to offer. */
  answer(refusal: Exchange): Promise<string | undefined>;
}

const tokenBytesMax = 1024 * 1024;

/** Opens the authenticator of one call. Tokens are kept for calls with the same scope. */
export function openAuthenticator(call: RegistryCall, options: SessionOptions): Authenticator {
  const { base, repository, credential, tokens } = options;
  const scope = `repository:${repository}:${call.actions}`;
  const key = `${base.origin} ${credential?.username ?? ""} ${scope}`;
  return {
    current: () => tokens.get(key),
    async answer(refusal) {
      const before = tokens.get(key);
      const authorization = await makeAuthorization(refusal, { call, scope, options });
      tokens.delete(key);
      // The same Basic header again would be refused again.
      if (authorization === undefined || authorization === before) return undefined;
      tokens.set(key, authorization);
      return authorization;
    },
  };
}

interface Question {
  readonly call: RegistryCall;
  readonly scope: string;
  readonly options: SessionOptions;
}

async function makeAuthorization(refusal: Exchange, question: Question): Promise<string | undefined> {
  const header = refusal.headers["www-authenticate"];
  const challenges = parseChallenges(Array.isArray(header) ? header.join(", ") : (header ?? ""));
  const bearer = challenges.find(({ scheme }) => scheme === "bearer");
  if (bearer !== undefined) return `Bearer ${await fetchToken(bearer, question)}`;
  const { credential } = question.options;
  const hasBasic = challenges.some(({ scheme }) => scheme === "basic");
  return hasBasic && credential !== undefined && credential.username !== "" ? basicHeader(credential) : undefined;
}

async function fetchToken({ parameters }: Challenge, { call, scope, options }: Question): Promise<string> {
  const realm = checkRealm(parameters["realm"] ?? "", options);
  const service = parameters["service"];
  // The registry knows best what a call needs (a mount needs two repositories); ours is for those that do not say.
  const answer = await askTokenService(realm, {
    call,
    options,
    query: { ...(service === undefined ? {} : { service }), scope: parameters["scope"] ?? scope },
  });
  const body = await answer.read(tokenBytesMax);
  if (answer.status === 200) return parseToken(body, realm);
  const what = `${realm.origin}${realm.pathname}: ${answer.status}`;
  if (answer.status === 429 || answer.status >= 500) throw new OciError("Unavailable", what);
  const hint =
    options.credential === undefined ? "there are no credentials for it" : "it does not take our credentials";
  throw new OciError("Unauthorized", `${what}; ${hint}`);
}

/** The credential goes to whatever the registry names as its token service, but never in the clear. */
function checkRealm(text: string, options: SessionOptions): URL {
  const realm = URL.parse(text);
  if (realm === null || !["https:", "http:"].includes(realm.protocol)) {
    throw new OciError("Refused", `${options.base.host} names no token service that could be asked`);
  }
  if (realm.protocol === "http:" && realm.origin !== options.base.origin && !mayBePlain(realm, options)) {
    throw new OciError("Refused", `${options.base.host} names a token service without TLS, ${realm.origin}: not asked`);
  }
  return realm;
}

interface TokenQuestion {
  readonly call: RegistryCall;
  readonly options: SessionOptions;
  readonly query: Readonly<Record<string, string>>;
}

async function askTokenService(realm: URL, { call, options, query }: TokenQuestion): Promise<Exchange> {
  const { credential, port } = options;
  const { signal } = call;
  if (credential?.identityToken !== undefined) {
    const form = new URLSearchParams({
      ...query,
      grant_type: "refresh_token",
      client_id: "kelvin",
      refresh_token: credential.identityToken,
    }).toString();
    const headers = {
      "content-type": "application/x-www-form-urlencoded",
      "content-length": String(Buffer.byteLength(form)),
    };
    return await port.send({ method: "POST", url: realm, headers, body: Buffer.from(form), signal });
  }
  const url = new URL(realm);
  for (const [name, value] of Object.entries(query)) {
    // Several scopes in one challenge are separated by spaces, and asked for one by one.
    for (const part of name === "scope" ? value.split(" ") : [value]) url.searchParams.append(name, part);
  }
  const headers = credential === undefined ? {} : { authorization: basicHeader(credential) };
  return await port.send({ method: "GET", url, headers, signal });
}

function parseToken(body: Buffer, realm: URL): string {
  try {
    const reply = JSON.parse(body.toString()) as { token?: unknown; access_token?: unknown };
    const token = [reply.token, reply.access_token].find(
      (text) => typeof text === "string" && /^[\x21-\x7e]+$/.test(text),
    );
    if (typeof token === "string") return token;
  } catch {
    // The parser's message would quote the answer, which may hold a token.
  }
  throw new OciError("Refused", `${realm.origin}${realm.pathname}: the token service answered without a token`);
}

function basicHeader({ username, password }: RegistryCredential): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}
