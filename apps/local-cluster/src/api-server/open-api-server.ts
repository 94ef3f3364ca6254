import { systemClock, type Clock, type KubeClient } from "@kelvin/kube";
import { openJournal } from "../storage/file-journal.ts";
import { openStore, type Store } from "../storage/store.ts";
import { openAdmission } from "./admission/open-admission.ts";
import { type AuthorizationMode, type Authorizer, openAuthorizer } from "./authorization/authorizer.ts";
import type { Need } from "./authorization/audit.ts";
import { bootstrapObjects } from "./bootstrap.ts";
import { followCustomResourceDefinitions } from "./crd/custom-resources.ts";
import { openCrdCleanup } from "./crd/crd-cleanup.ts";
import { openEventExpiry } from "./event-expiry.ts";
import { openWatchPool } from "./http/watches.ts";
import { listenOn, makeTlsServer, type ListenTarget } from "./http/listen.ts";
import { followUpgrades } from "./http/upgrades.ts";
import { serveRequest, type RequestDeps } from "./http/serve-request.ts";
import { makeAuthenticate } from "./identity/authenticate.ts";
import { loadIdentity } from "./identity/identity.ts";
import { makeServiceAccountTokens, type ServiceAccountTokens } from "./identity/tokens.ts";
import { makeInProcessClient } from "./in-process-client.ts";
import { builtInResources, volatileTypes } from "./kinds.ts";
import type { PodExec } from "./pod-exec.ts";
import type { PodLogs } from "./pod-logs.ts";
import type { Registry } from "./registry/request.ts";
import { makeResources } from "./resources.ts";

export interface ApiServerOptions {
  /** Where objects, keys and certificates are kept. Absent: everything is in memory and gone at the end. */
  readonly dataDir?: string;
  /** Where to accept connections; the first one with a port gives the `url`. May be empty: then the server is reached in-process. */
  readonly listen?: readonly ListenTarget[];
  /** The host of `url` and the kubeconfig. Default `127.0.0.1`. */
  readonly publicHost?: string;
  /** The port of `url`, where it differs from the bound one. */
  readonly publicPort?: number;
  /** More names and addresses for the serving certificate. */
  readonly extraNames?: readonly string[];
  readonly extraAddresses?: readonly string[];
  /** Where the API server answers inside the cluster: the endpoint of the Service `kubernetes`. */
  readonly clusterEndpoint?: { readonly address: string; readonly port: number };
  /** How RBAC is applied to requests over HTTP; calls in-process are trusted. Default `enforce`. */
  readonly authorization?: AuthorizationMode;
  /** Hears of each distinct thing that a user asked for beyond its rights, once. */
  readonly reportNeed?: (need: Need) => void;
  readonly clock?: Clock;
  readonly reportError?: (message: string, error: unknown) => void;
}

/** Asks for a token as a Pod's projected volume does. */
export interface PodTokenRequest {
  readonly namespace: string;
  readonly serviceAccountName: string;
  readonly pod?: { readonly name: string; readonly uid: string };
  readonly audiences?: readonly string[];
  readonly expirationSeconds: number;
}

/** A running API server. */
export interface ApiServer {
  /** The in-process client of the control plane: same pipeline as over HTTP, no sockets. */
  readonly kube: KubeClient;
  readonly url: string;
  readonly adminToken: string;
  /** PEM of the authority that signed the serving certificate. */
  readonly caCert: string;
  mintServiceAccountToken(request: PodTokenRequest): Promise<{ token: string; expiresAtMs: number }>;
  /** Connects the source of `pods/log`, once there is a node. */
  setPodLogs(podLogs: PodLogs): void;
  /** Connects what runs the commands of `pods/exec`, once there is a node. */
  setPodExec(podExec: PodExec): void;
  /** Accepts on one more target. Resolves with the bound port. */
  listen(target: ListenTarget): Promise<number>;
  /** Ends watches and connections, then writes what is not on disk yet. */
  close(): Promise<void>;
}

const publicHostDefault = "127.0.0.1";

/** Opens the API server: recovers what the data directory holds, then listens. */
export async function openApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const clock = options.clock ?? systemClock;
  const now = (): Date => clock.now();
  const reportError = options.reportError ?? (() => undefined);
  const [identity, store] = await Promise.all([loadIdentity(options, now), recoverStore(options, now)]);
  const authorizer = openAuthorizer(store, {
    mode: options.authorization ?? "enforce",
    ...(options.reportNeed !== undefined && { reportNeed: options.reportNeed }),
  });
  const { registry, closeRegistry, closed } = openRegistry(store, { now, reportError, authorizer });
  bootstrapObjects(registry, options.clusterEndpoint);
  await store.durable();

  const tokens = makeServiceAccountTokens(identity.tokenKey, { store, now });
  const watches = openWatchPool(clock);
  const eventExpiry = openEventExpiry(store, clock);
  let podLogs: PodLogs | undefined;
  let podExec: PodExec | undefined;
  const deps: RequestDeps = {
    registry,
    watches,
    tokens,
    podLogs: () => podLogs,
    podExec: () => podExec,
    authenticate: makeAuthenticate(identity.adminToken, tokens),
    authorizer,
    isReady: () => !closed.aborted,
    reportError,
  };
  const answer = (call: Parameters<typeof serveRequest>[1]): void => {
    serveRequest(deps, call).catch((error: unknown) => reportError("request failed", error));
  };
  const server = makeTlsServer(identity.serving, (request, response) => answer({ request, response }));
  const upgrades = followUpgrades(server, (request, response, upgrade) => answer({ request, response, upgrade }));
  const ports: number[] = [];
  for (const target of options.listen ?? []) ports.push(await listenOn(server, target));
  const port = options.publicPort ?? ports.find((bound) => bound > 0) ?? 0;
  return {
    kube: makeInProcessClient({ ...registry, acknowledge: makeBackgroundFlush(store, reportError) }, closed),
    url: `https://${options.publicHost ?? publicHostDefault}:${port}`,
    adminToken: identity.adminToken,
    caCert: identity.ca.cert,
    mintServiceAccountToken: (request) => mintToken(store, tokens, request),
    setPodLogs: (source) => {
      podLogs = source;
    },
    setPodExec: (runner) => {
      podExec = runner;
    },
    listen: (target) => listenOn(server, target),
    async close() {
      closeRegistry();
      authorizer.close();
      watches.close();
      eventExpiry.close();
      upgrades.close();
      await new Promise<void>((resolve) => {
        if (!server.listening) resolve();
        server.close(() => resolve());
        server.closeAllConnections();
      });
      await store.close();
    },
  };
}

async function recoverStore({ dataDir }: ApiServerOptions, now: () => Date): Promise<Store> {
  if (dataDir === undefined) {
    // A client that outlives an ephemeral server must not find its old revisions in the next one's future or past.
    const revision = Math.floor((now().getTime() - Date.UTC(2020, 0, 1)) / 1000) * 1000;
    return openStore({ volatileTypes, initial: { revision, objects: [] } });
  }
  const { journal, recovered } = await openJournal(dataDir);
  return openStore({ journal, initial: recovered, volatileTypes });
}

interface OpenRegistry {
  readonly registry: Registry;
  readonly closed: AbortSignal;
  readonly closeRegistry: () => void;
}

function openRegistry(
  store: Store,
  {
    now,
    reportError,
    authorizer,
  }: { now: () => Date; reportError: (message: string, error: unknown) => void; authorizer: Authorizer },
): OpenRegistry {
  const abort = new AbortController();
  const resources = makeResources(builtInResources);
  const admission = openAdmission({ store, now, authorizer });
  const registry: Registry = {
    store,
    resources,
    now,
    admission,
    acknowledge: ({ storageType }) => store.durable(storageType),
  };
  const unfollow = followCustomResourceDefinitions(store, resources);
  const cleanup = openCrdCleanup(registry, reportError);
  return {
    registry,
    closed: abort.signal,
    closeRegistry() {
      abort.abort();
      unfollow();
      cleanup.close();
      admission.close();
    },
  };
}

/**
 * The control plane does not wait for the disk: the log keeps the order of commits, so a crash takes away a tail of its writes,
 * which it makes again, and never one that an acknowledged write of somebody else came after.
 */
function makeBackgroundFlush(
  store: Store,
  reportError: (message: string, error: unknown) => void,
): () => Promise<void> {
  let isWanted = false;
  let isFlushing = false;
  async function flush(): Promise<void> {
    isFlushing = true;
    while (isWanted) {
      isWanted = false;
      await store.durable().catch((error: unknown) => reportError("The state cannot be written to disk", error));
    }
    isFlushing = false;
  }
  return () => {
    isWanted = true;
    if (!isFlushing) flush().catch((error: unknown) => reportError("The state cannot be written to disk", error));
    return Promise.resolve();
  };
}

async function mintToken(
  store: Store,
  tokens: ServiceAccountTokens,
  request: PodTokenRequest,
): Promise<{ token: string; expiresAtMs: number }> {
  const { namespace, serviceAccountName, audiences = [], expirationSeconds, pod } = request;
  const account = store.get({ type: "/serviceaccounts", namespace, name: serviceAccountName });
  if (account === undefined)
    throw new Error(`serviceaccounts "${serviceAccountName}" not found in namespace "${namespace}"`);
  const minted = tokens.mint(account, { audiences, expirationSeconds, ...(pod === undefined ? {} : { pod }) });
  return Promise.resolve({ token: minted.token, expiresAtMs: minted.expiresAtMs });
}
