import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { InvalidError } from "./errors.ts";
import { openTokenFile } from "./token-file.ts";
import type { KubeConfig } from "./kube-config.ts";

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads one kubeconfig file. Tokens, token files, certificates and passwords are read here; whatever needs a plugin
 * (exec, auth-provider) is left to @kubernetes/client-node, which is loaded only then for it costs 0.8 s.
 */
export async function loadKubeConfigFile(path: string, contextName?: string): Promise<KubeConfig> {
  const root = await readYaml(path);
  const name = contextName ?? textOf(root, "current-context");
  if (name === undefined) throw new InvalidError(`kubeconfig "${path}": current-context is not set`);
  const context = entryOf({ root, path, list: "contexts", name }, "context");
  const cluster = entryOf({ root, path, list: "clusters", name: textOf(context, "cluster") ?? "" }, "cluster");
  const userName = textOf(context, "user") ?? "";
  const user = userName === "" ? {} : entryOf({ root, path, list: "users", name: userName }, "user");

  const base = await parseCluster(cluster, path);
  const namespace = textOf(context, "namespace") ?? "default";
  if (user["exec"] !== undefined || user["auth-provider"] !== undefined) {
    const { loadPluginCredentials } = await import("./client-node.ts");
    return { ...base, namespace, ...(await loadPluginCredentials(path, name)) };
  }
  return { ...base, namespace, ...(await parseUser(user, path)) };
}

async function readYaml(path: string): Promise<Fields> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw new InvalidError(`kubeconfig "${path}" cannot be read`, { cause: error });
  }
  try {
    // JSON is YAML too, and needs no library of 70 files.
    if (text.startsWith("{")) return fieldsOf(JSON.parse(text) as unknown);
  } catch {
    // YAML's flow style begins alike.
  }
  const { parse } = await import("yaml");
  try {
    return fieldsOf(parse(text) as unknown);
  } catch (error) {
    throw new InvalidError(`kubeconfig "${path}" is not YAML`, { cause: error });
  }
}

interface EntryQuery {
  root: Fields;
  path: string;
  list: string;
  name: string;
}

function entryOf({ root, path, list, name }: EntryQuery, member: string): Fields {
  const entries = root[list];
  const entry = Array.isArray(entries) ? entries.map(fieldsOf).find((fields) => fields["name"] === name) : undefined;
  if (entry === undefined) throw new InvalidError(`kubeconfig "${path}": ${list} has no entry named "${name}"`);
  return fieldsOf(entry[member]);
}

async function parseCluster(cluster: Fields, path: string): Promise<Pick<KubeConfig, "server">> {
  const server = textOf(cluster, "server");
  if (server === undefined) throw new InvalidError(`kubeconfig "${path}": the cluster has no server`);
  if (!URL.canParse(server)) throw new InvalidError(`kubeconfig "${path}": server "${server}" is not a URL`);
  const caPem = await pemOf(cluster, "certificate-authority", path);
  const tlsServerName = textOf(cluster, "tls-server-name");
  return {
    server,
    ...(caPem !== undefined && { caPem }),
    ...(tlsServerName !== undefined && { tlsServerName }),
    ...(cluster["insecure-skip-tls-verify"] === true && { skipTlsVerify: true }),
  };
}

async function parseUser(user: Fields, path: string): Promise<Partial<KubeConfig>> {
  const certPem = await pemOf(user, "client-certificate", path);
  const keyPem = await pemOf(user, "client-key", path);
  const authorization = parseAuthorization(user, path);
  return {
    ...(certPem !== undefined && { certPem }),
    ...(keyPem !== undefined && { keyPem }),
    ...(authorization !== undefined && { authorization }),
  };
}

function parseAuthorization(user: Fields, path: string): KubeConfig["authorization"] {
  const tokenFile = textOf(user, "tokenFile");
  if (tokenFile !== undefined) return openTokenFile(resolve(dirname(path), tokenFile));
  const token = textOf(user, "token");
  if (token !== undefined) return () => Promise.resolve(`Bearer ${token}`);
  const username = textOf(user, "username");
  if (username === undefined) return undefined;
  const credentials = Buffer.from(`${username}:${textOf(user, "password") ?? ""}`).toString("base64");
  return () => Promise.resolve(`Basic ${credentials}`);
}

/** `<field>-data` holds base64 of a PEM, `<field>` names a file relative to the kubeconfig. */
async function pemOf(fields: Fields, field: string, path: string): Promise<string | undefined> {
  const inline = textOf(fields, `${field}-data`);
  if (inline !== undefined) return Buffer.from(inline, "base64").toString("utf8");
  const file = textOf(fields, field);
  if (file === undefined) return undefined;
  try {
    return await readFile(resolve(dirname(path), file), "utf8");
  } catch (error) {
    throw new InvalidError(`kubeconfig "${path}": ${field} "${file}" cannot be read`, { cause: error });
  }
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function textOf(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}
