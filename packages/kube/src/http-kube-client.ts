import type { Kind, KubeObject } from "@kelvin/api";
import { systemClock } from "./clock.ts";
import type { Clock } from "./clock.ts";
import { ExpiredError, NotFoundError, UnavailableError } from "./errors.ts";
import { openTransport } from "./http-transport.ts";
import type { Transport } from "./http-transport.ts";
import type { KubeClient, ListOptions, ObjectList, Patch, WriteOptions } from "./kube-client.ts";
import type { KubeConfig } from "./kube-config.ts";
import { asObject } from "./as-object.ts";
import { apiVersionOf, collectionPath, objectPath, queryText, requireNamespace } from "./resource-path.ts";
import { watchOverHttp } from "./http-watch.ts";
import { keyOf } from "./object-key.ts";

/** A KubeClient that owns connections. */
export interface OpenKubeClient extends KubeClient {
  /** Ends all connections at once; calls and watches under way reject. */
  close(): Promise<void>;
}

/** How to reach the API server, beyond where it is. */
export interface KubeClientOptions {
  clock?: Clock;
  /** Sent with each request, so that API server logs tell who asks. Default `kelvin`. */
  userAgent?: string;
  /** How long a call may take to begin to answer. Default 30 s. Watches are not bound by it once they are open. */
  answerMsMax?: number;
  /** Objects per page of a list. Default 500. */
  pageSize?: number;
}

const PAGE_SIZE = 500;

/**
 * Opens a client of the API server that `config` names. Calls share a pool of keep-alive connections, each watch has one
 * of its own. Nothing is sent before the first call, so that a server that is down shows as UnavailableError there.
 */
export function openKubeClient(config: KubeConfig, options: KubeClientOptions = {}): OpenKubeClient {
  const clock = options.clock ?? systemClock;
  const { userAgent = "kelvin", answerMsMax = 30_000, pageSize = PAGE_SIZE } = options;
  const transport = openTransport(config, { clock, userAgent, answerMsMax });
  const calls = makeCalls(transport, pageSize);
  return {
    ...calls,
    watch: (kind, watchOptions) => watchOverHttp({ transport, clock }, kind, watchOptions),
    close: () => transport.close(),
  };
}

function makeCalls(transport: Transport, pageSize: number): Omit<KubeClient, "watch"> {
  const get: KubeClient["get"] = async (kind, key, options) =>
    asObject(kind, await transport.call({ method: "GET", path: objectPath(kind, key), signal: options?.signal }));

  return {
    get,
    async find(kind, key, options) {
      try {
        return await get(kind, key, options);
      } catch (error) {
        if (error instanceof NotFoundError) return undefined;
        throw error;
      }
    },
    list: (kind, options) => listPages({ transport, pageSize }, kind, options ?? {}),
    async create(kind, object, options) {
      requireNamespace(kind, object.metadata.namespace);
      const path = collectionPath(kind, object.metadata.namespace) + writeQuery(options);
      const body = typed(kind, object);
      return asObject(kind, await transport.call({ method: "POST", path, body, signal: options?.signal }));
    },
    async update(kind, object, options) {
      const path = objectPath(kind, keyOf(object), options?.subresource) + writeQuery(options);
      const body = options?.subresource === "scale" ? object : typed(kind, object);
      return asObject(kind, await transport.call({ method: "PUT", path, body, signal: options?.signal }));
    },
    // oxlint-disable-next-line eslint/max-params -- the port says what, which, how and options
    async patch(kind, key, patch, options) {
      const path = objectPath(kind, key, options?.subresource) + writeQuery(options);
      const contentType = patchContentType(patch);
      const call = { method: "PATCH", path, body: patch.body, contentType, signal: options?.signal } as const;
      return asObject(kind, await transport.call(call));
    },
    async delete(kind, key, options) {
      const { signal, ...deleteOptions } = options ?? {};
      const body = { apiVersion: "v1", kind: "DeleteOptions", ...deleteOptions };
      try {
        await transport.call({ method: "DELETE", path: objectPath(kind, key), body, signal });
      } catch (error) {
        if (!(error instanceof NotFoundError)) throw error;
      }
    },
  };
}

function patchContentType(patch: Patch): string {
  return patch.type === "merge" ? "application/merge-patch+json" : "application/json-patch+json";
}

function writeQuery(options: WriteOptions | undefined): string {
  return queryText({ dryRun: options?.dryRun === true ? "All" : undefined });
}

interface Lister {
  transport: Transport;
  pageSize: number;
}

async function listPages<T extends KubeObject>(
  lister: Lister,
  kind: Kind<T>,
  options: ListOptions,
): Promise<ObjectList<T>> {
  try {
    return await listFrom(lister, kind, options);
  } catch (error) {
    // The snapshot that the pages are read from may expire on the way; one whole page cannot.
    if (!(error instanceof ExpiredError)) throw error;
    return listFrom({ ...lister, pageSize: 0 }, kind, options);
  }
}

async function listFrom<T extends KubeObject>(
  { transport, pageSize }: Lister,
  kind: Kind<T>,
  options: ListOptions,
): Promise<ObjectList<T>> {
  const { namespace, labelSelector, fieldSelector, signal } = options;
  const items: T[] = [];
  let token: string | undefined;
  for (;;) {
    const limit = pageSize === 0 ? undefined : pageSize;
    const query = queryText({ labelSelector, fieldSelector, limit, continue: token });
    const page = await transport.call({ method: "GET", path: collectionPath(kind, namespace) + query, signal });
    const { metadata, items: pageItems } = page as RawList;
    if (!Array.isArray(pageItems)) throw new UnavailableError(`the list of ${kind.plural} has no items`);
    for (const item of pageItems) items.push(asObject(kind, item));
    token = metadata?.continue;
    if (token === undefined || token === "") return { items, resourceVersion: metadata?.resourceVersion ?? "" };
  }
}

interface RawList {
  metadata?: { resourceVersion?: string; continue?: string };
  items?: unknown[] | null;
}

function typed<T extends KubeObject>(kind: Kind<T>, object: T): T {
  return { ...object, apiVersion: apiVersionOf(kind), kind: kind.kind };
}
