import type { Store } from "../../storage/store.ts";
import type { ApiObject, JsonObject } from "../api-object.ts";
import { isRecord, listAt, numberAt, recordAt, recordsAt, stringAt } from "../api-object.ts";

/** Where a webhook is called: the URL in messages, and the address that is really dialled. */
export interface WebhookAddress {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** The name its certificate must have. */
  readonly serverName: string;
  readonly path: string;
}

/** Finds the address of a client configuration: its URL, or a ready endpoint of its Service. @throws Error saying what is missing. */
export function resolveWebhook(store: Store, clientConfig: JsonObject): WebhookAddress {
  const service = clientConfig["service"];
  if (isRecord(service)) return resolveService(store, service);
  const url = new URL(stringAt(clientConfig, "url"));
  if (url.protocol !== "https:")
    throw new Error(`the URL of the webhook must begin with https://, but it is "${url.href}"`);
  return {
    url: url.href,
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? 443 : Number(url.port),
    serverName: url.hostname.replace(/^\[|\]$/g, ""),
    path: `${url.pathname}${url.search}`,
  };
}

function resolveService(store: Store, reference: JsonObject): WebhookAddress {
  const namespace = stringAt(reference, "namespace");
  const name = stringAt(reference, "name");
  const port = numberAt(reference, "port") ?? 443;
  const path = stringAt(reference, "path") || "/";
  const serverName = `${name}.${namespace}.svc`;
  const service = store.get({ type: "/services", namespace, name });
  if (service === undefined) throw new Error(`service "${name}" not found`);
  const servicePort = recordsAt(service, "spec", "ports").find((candidate) => candidate["port"] === port);
  if (servicePort === undefined) throw new Error(`no service port ${port} found for service "${name}"`);
  const endpoint = readyEndpoint(store, service, stringAt(servicePort, "name"));
  if (endpoint === undefined) throw new Error(`no endpoints available for service "${name}"`);
  return {
    url: `https://${serverName}:${port}${path.startsWith("/") ? path : `/${path}`}`,
    serverName,
    path,
    ...endpoint,
  };
}

function readyEndpoint(store: Store, service: ApiObject, portName: string): { host: string; port: number } | undefined {
  const { name, namespace } = service.metadata;
  for (const slice of store.list("discovery.k8s.io/endpointslices", namespace ?? "")) {
    if (slice.metadata.labels?.["kubernetes.io/service-name"] !== name) continue;
    const port = recordsAt(slice, "ports").find((candidate) => stringAt(candidate, "name") === portName);
    const ready = recordsAt(slice, "endpoints").find((endpoint) => recordAt(endpoint, "conditions")["ready"] !== false);
    const host = listAt(ready, "addresses")[0];
    const number = numberAt(port, "port");
    if (typeof host === "string" && number !== undefined) return { host, port: number };
  }
  return undefined;
}
