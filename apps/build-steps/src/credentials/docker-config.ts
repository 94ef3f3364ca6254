import { StepFailure } from "../step-failure.ts";

/** One registry's credentials as config.json holds them. */
export type DockerAuth = Readonly<Record<string, unknown>>;
/** By registry, as the user wrote it. */
export type DockerAuths = Readonly<Record<string, DockerAuth>>;

/** The `auths` of a Secret's .dockerconfigjson. What else it holds (credential helpers, headers) names programs that a step's image does not have. */
export function parseDockerConfigJson(text: string, secret: string): DockerAuths {
  const config = parseObject(text, `key ".dockerconfigjson" of Secret "${secret}"`);
  return config["auths"] === undefined ? {} : requireAuths(config["auths"], `"auths" of Secret "${secret}"`);
}

/** The whole of a Secret's .dockercfg, the older form. */
export function parseDockerCfg(text: string, secret: string): DockerAuths {
  const what = `key ".dockercfg" of Secret "${secret}"`;
  return requireAuths(parseObject(text, what), what);
}

/** What docker itself writes for a user and a password. The e-mail is a constant that old clients ask for. */
export function makeBasicAuth(username: string, password: string): DockerAuth {
  return {
    username,
    password,
    auth: Buffer.from(`${username}:${password}`).toString("base64"),
    email: "not@val.id",
  };
}

/** @throws StepFailure for the one spelling of Docker Hub that no client looks up. */
export function refuseBareDockerHub(target: string, secret: string): void {
  if (target !== "index.docker.io") return;
  throw new StepFailure(
    "CredentialsInvalid",
    `Secret "${secret}" has an annotation for "index.docker.io"; its value should be "https://index.docker.io/v1/"`,
  );
}

/** config.json with keys sorted, later auths winning over earlier ones. */
export function formatDockerConfig(layers: readonly DockerAuths[]): string {
  const merged: Record<string, DockerAuth> = Object.assign({}, ...layers) as Record<string, DockerAuth>;
  return JSON.stringify({ auths: sortKeys(merged) });
}

function sortKeys(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, entry]) => [key, sortKeys(entry)]));
}

function parseObject(text: string, what: string): Record<string, unknown> {
  const value = parseJson(text, what);
  if (isObject(value)) return value;
  throw new StepFailure("CredentialsInvalid", `${what} must be a JSON object`);
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // The parser's own message quotes the text, which holds passwords.
    throw new StepFailure(
      "CredentialsInvalid",
      `${what} is not JSON; make it with kubectl create secret docker-registry`,
    );
  }
}

function requireAuths(value: unknown, what: string): DockerAuths {
  if (isObject(value) && Object.values(value).every(isObject)) return value as Record<string, DockerAuth>;
  throw new StepFailure("CredentialsInvalid", `${what} must map each registry to an object`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
