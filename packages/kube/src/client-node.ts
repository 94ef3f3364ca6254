import type { RequestOptions } from "node:https";
import type { KubeConfig } from "./kube-config.ts";

/**
 * Credentials of a kubeconfig user that need a plugin (exec, auth-provider), by way of @kubernetes/client-node, which
 * runs the plugin and keeps its result until it expires.
 */
export async function loadPluginCredentials(path: string, context: string): Promise<Partial<KubeConfig>> {
  const { KubeConfig: PluginConfig } = await import("@kubernetes/client-node");
  const config = new PluginConfig();
  config.loadFromFile(path);
  config.setCurrentContext(context);

  const first: RequestOptions = {};
  await config.applyToHTTPSOptions(first);
  const [certPem, keyPem] = [pemText(first.cert), pemText(first.key)];
  return {
    ...(certPem !== undefined && { certPem }),
    ...(keyPem !== undefined && { keyPem }),
    authorization: async () => {
      const options: RequestOptions = {};
      await config.applyToHTTPSOptions(options);
      return authorizationOf(options);
    },
  };
}

function pemText(pem: RequestOptions["cert"] | RequestOptions["key"]): string | undefined {
  if (typeof pem === "string") return pem;
  return Buffer.isBuffer(pem) ? pem.toString("utf8") : undefined;
}

function authorizationOf(options: RequestOptions): string | undefined {
  const headers = options.headers;
  if (headers === undefined || Array.isArray(headers)) return undefined;
  const value = (headers as Readonly<Record<string, unknown>>)["Authorization"];
  return typeof value === "string" ? value : undefined;
}
