import { join } from "node:path";
import type { Log } from "@kelvin/controller";
import { CoreService, EndpointSlice, type KubeClient, openInformer, systemClock } from "@kelvin/kube";
import { type ApiServer, openApiServer } from "./api-server/open-api-server.ts";
import { writeKubeconfig } from "./api-server/write-kubeconfig.ts";
import type { ClusterConfig } from "./config.ts";
import { openBuiltInControllers } from "./controllers/open-built-in-controllers.ts";
import { type HostPorts, type HostProcess, openHostPorts } from "./network/host-ports.ts";
import { openListeners } from "./network/egress/egress-listeners.ts";
import { openEgress } from "./network/egress/open-egress.ts";
import { openOutside, type Outside } from "./network/egress/outside.ts";
import { makeClusterNames } from "./network/dns/cluster-names.ts";
import { openDnsServer } from "./network/dns/dns-server.ts";
import { answerQuestion, makeOutsideNames } from "./network/dns/outside-names.ts";
import { addresses } from "./network/network.ts";
import { openPublishedPorts } from "./network/published-ports.ts";
import { openServiceProxy, serviceIndexes, sliceIndexes } from "./network/service-proxy.ts";
import { forgetFormerLife, type NodeAgent, type NodeAgentOptions, openNodeAgent } from "./node-agent/node-agent.ts";
import { makeDirectoryImages } from "./node-agent/images/directory-images.ts";
import { type ImageSource, joinImageSources } from "./node-agent/images/image-source.ts";
import { openPulledImages } from "./node-agent/images/pulled-images.ts";
import { makePodExec } from "./node-agent/pod-exec.ts";
import { makePodLogs } from "./node-agent/pod-logs.ts";
import { openPodEvents } from "./node-agent/pod-events.ts";
import { openRunningPods } from "./node-agent/running-pods.ts";
import { timestampOf } from "./node-agent/timestamp.ts";
import { type NodePlace, openNodePlace } from "./open-node-place.ts";

const NODE_NAME = "kelvin";
/** All Pods together get this long to end when the cluster stops; the host side waits a little longer. */
const STOP_GRACE_MS = 8_000;
const API_NAMES = [
  "kubernetes",
  "kubernetes.default",
  "kubernetes.default.svc",
  "kubernetes.default.svc.cluster.local",
];

export interface Surroundings {
  readonly host: HostProcess;
  readonly log: Log;
}

export interface App {
  readonly url: string;
  /** Ends the node agent and opens a new one; Pods run on meanwhile. */
  restartNodeAgent(): Promise<void>;
  close(): Promise<void>;
}

type ReportError = (message: string, error: unknown) => void;

/** Composes the local cluster: network, API server, controllers and one node, in the order in which each needs the last. */
export async function openApp(config: ClusterConfig, { host, log }: Surroundings): Promise<App> {
  const reportError: ReportError = (message, error) => {
    log.error({ error }, message);
  };
  const clock = systemClock;
  const hostPorts = openHostPorts(host);
  const outside = config.egressPorts === undefined ? undefined : openOutside(host);
  const [place, api] = await Promise.all([
    openNodePlace(config, { clock, reportError }),
    openApiServer({
      ...(!config.isEphemeral && { dataDir: join(config.dataDir, "state") }),
      publicPort: config.apiPort,
      extraNames: API_NAMES,
      extraAddresses: [addresses.apiServer],
      clusterEndpoint: { address: addresses.bridge, port: API_CLUSTER_PORT },
      ...(config.authorization !== undefined && { authorization: config.authorization }),
      reportNeed: (need) => {
        log.warn({ need }, "A user asked for more than it is granted");
      },
      reportError,
    }),
  ]);
  const { kube } = api;
  await forgetFormerLife({ kube, nodeName: NODE_NAME, dataDir: config.dataDir }, timestampOf(clock));
  const controllers = await openBuiltInControllers({ kube, clock, log, rootCaCert: api.caCert });
  const services = await openServices({ kube, hostPorts, outside, reportError });
  const egress = openEgressLater(config, { place, outside, reportError });
  await listen(api, hostPorts, config.apiPort);
  await writeKubeconfig(join(config.dataDir, "kubeconfig"), api);
  // Last: from now on Pods start, and they want all of the above.
  const node = await openNode(config, { api, place, reportError });
  log.info(
    { url: api.url, network: place.network.driver, bootMs: Math.round(process.uptime() * 1000) },
    "The local cluster is up",
  );
  return {
    url: api.url,
    restartNodeAgent: () => node.restart(),
    async close() {
      log.info({}, "The local cluster stops");
      // Pods first, while all they may need to end well is still there; then what serves them; the API last.
      await node.close();
      await services.close();
      await egress.close();
      await controllers.close();
      await place.network.close();
      await api.close();
      log.info({}, "The local cluster has stopped");
    },
  };
}

const repository = join(import.meta.dirname, "..", "..", "..");
const API_CLUSTER_PORT = 443;
const DNS_PORT = 53;

/** The host reaches the API server through the host's sockets, Pods through the address of the Service `kubernetes`. */
async function listen(api: ApiServer, hostPorts: HostPorts, port: number): Promise<void> {
  await api.listen({ host: addresses.apiServer, port: API_CLUSTER_PORT });
  await api.listen({ host: addresses.bridge, port: API_CLUSTER_PORT });
  for (const server of await hostPorts.take(port)) await api.listen({ server });
}

interface ServiceParts {
  kube: KubeClient;
  hostPorts: HostPorts;
  /** Absent when there is no way out. */
  outside: Outside | undefined;
  reportError: ReportError;
}

/** Gives Services their addresses, names and published ports. */
async function openServices({
  kube,
  hostPorts,
  outside,
  reportError,
}: ServiceParts): Promise<{ close(): Promise<void> }> {
  const onError = (error: Error): void => {
    reportError("Failed to watch Services", error);
  };
  const services = openInformer(kube, CoreService, { indexes: serviceIndexes, onError });
  const slices = openInformer(kube, EndpointSlice, { indexes: sliceIndexes, onError });
  const hostAddress = addresses.host;
  const names = makeClusterNames({ services, slices, hostAddress });
  const outsideNames = outside === undefined ? undefined : makeOutsideNames(outside, systemClock);
  const dns = await openDnsServer({
    host: addresses.dns,
    port: DNS_PORT,
    resolve: (question) => answerQuestion(question, names, outsideNames),
    reportError,
  });
  const proxy = openServiceProxy({ services, slices, reportError });
  const published = openPublishedPorts({ kube, services, proxy, hostPorts, hostAddress, reportError });
  return {
    async close() {
      await published.close();
      await proxy.close();
      await dns.close();
      await Promise.all([services.close(), slices.close()]);
    },
  };
}

interface EgressParts {
  place: NodePlace;
  outside: Outside | undefined;
  reportError: ReportError;
}

/** In its own time: the sockets take a tenth of a second to make, in which much else starts. Until then they refuse. */
function openEgressLater(config: ClusterConfig, parts: EgressParts): { close(): Promise<void> } {
  const { place, outside, reportError } = parts;
  const { egress: enter } = place.network;
  if (outside === undefined || enter === undefined) return { close: () => Promise.resolve() };
  const opening = openListeners(enter, config.egressPorts ?? []).then(
    (listeners) => openEgress({ listeners, outside }),
    (error: unknown) => {
      reportError("Failed to open the way out; Pods reach nothing outside of the cluster", error);
    },
  );
  return {
    async close() {
      (await opening)?.close();
    },
  };
}

interface NodeParts {
  api: ApiServer;
  place: NodePlace;
  reportError: ReportError;
}

/** Directories first: they are named by `dev.local/`. Everything else is pulled, as far as Pods can have a root of their own. */
function openImages(
  config: ClusterConfig,
  { kube, reportError }: Pick<ServiceParts, "kube" | "reportError">,
): ImageSource {
  const directories = makeDirectoryImages({
    repository,
    ...(config.imagesDir !== undefined && { images: config.imagesDir }),
  });
  const pulled = openPulledImages({
    kube,
    clock: systemClock,
    directory: join(config.dataDir, "images"),
    nodeExecutable: process.execPath,
    compileCache: join(config.dataDir, "compile-cache"),
    reportError,
  });
  return joinImageSources(directories, pulled);
}

interface NodePart {
  /** Ends the node agent and opens a new one, which takes over the Pods as they run. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

async function openNode(config: ClusterConfig, parts: NodeParts): Promise<NodePart> {
  const { api, place, reportError } = parts;
  const events = openPodEvents({ kube: api.kube, clock: systemClock, nodeName: NODE_NAME, reportError });
  const options: NodeAgentOptions = {
    kube: api.kube,
    network: place.network,
    running: openRunningPods(),
    nodeName: NODE_NAME,
    dataDir: config.dataDir,
    mintToken: (request) => api.mintServiceAccountToken(request),
    recordEvent: events.record,
    reportError,
    surroundings: {
      images: openImages(config, { kube: api.kube, reportError }),
      programs: join(repository, "node_modules", ".bin"),
      nodeExecutable: process.execPath,
      compileCache: join(config.dataDir, "compile-cache"),
      hostIp: addresses.bridge,
      runtimes: place.runtimes,
      cgroups: place.cgroups,
    },
    facts: place.facts,
  };
  let agent = await openAgent(options, api);
  return {
    async restart() {
      await agent.detach();
      agent = await openAgent(options, api);
    },
    async close() {
      await agent.close(STOP_GRACE_MS);
      place.cgroups.close();
      await events.close();
    },
  };
}

async function openAgent(options: NodeAgentOptions, api: ApiServer): Promise<NodeAgent> {
  const agent = await openNodeAgent(options);
  api.setPodLogs(makePodLogs(agent, systemClock));
  api.setPodExec(makePodExec(agent));
  return agent;
}
