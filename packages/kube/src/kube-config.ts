import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { homedir } from "node:os";
import { InvalidError } from "./errors.ts";
import { loadKubeConfigFile } from "./kube-config-file.ts";
import { openTokenFile } from "./token-file.ts";

/** Where the API server is and who we are to it. */
export interface KubeConfig {
  /** Such as `https://127.0.0.1:6443`. */
  readonly server: string;
  /** PEM certificates that may sign the server's. Absent: those of the system. */
  readonly caPem?: string;
  readonly skipTlsVerify?: boolean;
  /** The name expected in the server's certificate, when it is not the URL's host. */
  readonly tlsServerName?: string;
  readonly certPem?: string;
  readonly keyPem?: string;
  /** Gives the Authorization header's value before each call; `refresh` asks to forget what is cached, after a 401. */
  readonly authorization?: (refresh: boolean) => Promise<string | undefined>;
  /** The namespace used when none is named. */
  readonly namespace: string;
}

/** Where to look; all absent means as in a Pod, or as kubectl. */
export interface LoadKubeConfigOptions {
  /** An explicit kubeconfig file. Wins over all else. */
  path?: string;
  /** A context of that file other than its current one. */
  context?: string;
  /** The environment to read KUBECONFIG and KUBERNETES_SERVICE_* from. Default: that of the process. */
  env?: Readonly<Record<string, string | undefined>>;
  /** Where the ServiceAccount is mounted. */
  serviceAccountDir?: string;
}

const SERVICE_ACCOUNT_DIR = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * Finds the API server: an explicit path, else the first file of `KUBECONFIG`, else the Pod's ServiceAccount, else
 * `~/.kube/config`.
 * @throws InvalidError naming the file and field when what was found cannot be used.
 */
export async function loadKubeConfig(options: LoadKubeConfigOptions = {}): Promise<KubeConfig> {
  // oxlint-disable-next-line node/no-process-env -- the one place that knows how a process finds its cluster
  const env = options.env ?? process.env;
  const path = options.path ?? env["KUBECONFIG"]?.split(":").find((part) => part !== "");
  if (path !== undefined) return loadKubeConfigFile(path, options.context);
  if (env["KUBERNETES_SERVICE_HOST"] !== undefined) {
    return loadInClusterConfig(env, options.serviceAccountDir ?? SERVICE_ACCOUNT_DIR);
  }
  return loadKubeConfigFile(join(env["HOME"] ?? homedir(), ".kube", "config"), options.context);
}

async function loadInClusterConfig(
  env: Readonly<Record<string, string | undefined>>,
  directory: string,
): Promise<KubeConfig> {
  const host = env["KUBERNETES_SERVICE_HOST"] ?? "";
  const port = env["KUBERNETES_SERVICE_PORT"] ?? "443";
  const [caPem, namespace] = await Promise.all([
    readMounted(directory, "ca.crt"),
    readMounted(directory, "namespace").catch(() => "default"),
  ]);
  const tokenFile = openTokenFile(join(directory, "token"));
  await tokenFile(false);
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    caPem,
    namespace: namespace.trim(),
    authorization: tokenFile,
  };
}

async function readMounted(directory: string, name: string): Promise<string> {
  try {
    return await readFile(join(directory, name), "utf8");
  } catch (error) {
    throw new InvalidError(
      `KUBERNETES_SERVICE_HOST is set, but the ServiceAccount file "${join(directory, name)}" cannot be read`,
      { cause: error },
    );
  }
}
