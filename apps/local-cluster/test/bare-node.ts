// A node without a cluster around it: an API server, addresses for Pods, and an agent that can be killed.
import { join } from "node:path";
import { type KubeClient, Pod, ServiceAccount, systemClock } from "@kelvin/kube";
import { type ApiServer, openApiServer } from "../src/api-server/open-api-server.ts";
import { makeDirectoryImages } from "../src/node-agent/images/directory-images.ts";
import type { ContainerProcess } from "../src/node-agent/launch.ts";
import { type NodeAgent, openNodeAgent } from "../src/node-agent/node-agent.ts";
import { openRunningPods, type RunningPods } from "../src/node-agent/running-pods.ts";
import { openNodePlace, type NodePlace } from "../src/open-node-place.ts";

export interface BareNode {
  readonly kube: KubeClient;
  /** Kills the agent where it stands, with all that it was about to write, and after a while opens another. */
  readonly killAgent: (options: { awayMs: number; meanwhile?: () => Promise<void> }) => Promise<void>;
  readonly pidOf: (uid: string, container: string) => number;
  readonly processOf: (uid: string, container: string) => ContainerProcess | undefined;
  readonly close: () => Promise<void>;
}

const NODE_NAME = "bare";
const HOST_IP = "10.44.0.1";

export async function openBareNode(
  dataDir: string,
  imagesDir = join(import.meta.dirname, "images"),
): Promise<BareNode> {
  const network = "namespaces";
  const ignore = (): void => undefined;
  const place = await openNodePlace(
    { dataDir, network, isEphemeral: true, apiPort: 0, registryPort: 0 },
    { clock: systemClock, reportError: ignore },
  );
  const api = await openApiServer({ listen: [] });
  const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default", namespace: "default" } };
  await api.kube.create(ServiceAccount, account as ServiceAccount);
  const running = openRunningPods();
  let mortal = openMortal(api.kube);
  let agent = await openAgent({ dataDir, imagesDir }, mortal.kube, { place, api, running });
  return {
    kube: withNode(api.kube),
    async killAgent({ awayMs, meanwhile }) {
      mortal.die();
      await agent.detach();
      await meanwhile?.();
      await new Promise((resolve) => setTimeout(resolve, awayMs));
      mortal = openMortal(api.kube);
      agent = await openAgent({ dataDir, imagesDir }, mortal.kube, { place, api, running });
    },
    processOf: (uid, container) => running.of(uid).runs.get(container)?.process,
    pidOf: (uid, container) => running.of(uid).runs.get(container)?.process.pid ?? 0,
    async close() {
      await agent.close(500);
      place.cgroups.close();
      await place.network.close();
      await api.close();
    },
  };
}

function openAgent(
  { dataDir, imagesDir }: { dataDir: string; imagesDir: string },
  kube: KubeClient,
  { place, api, running }: { place: NodePlace; api: ApiServer; running: RunningPods },
): Promise<NodeAgent> {
  return openNodeAgent({
    kube,
    network: place.network,
    running,
    nodeName: NODE_NAME,
    dataDir,
    mintToken: (request) => api.mintServiceAccountToken(request),
    recordEvent: () => undefined,
    // What a dead one says of itself is no news.
    reportError: () => undefined,
    surroundings: {
      images: makeDirectoryImages({ repository: dataDir, images: imagesDir }),
      programs: dataDir,
      nodeExecutable: process.execPath,
      compileCache: join(dataDir, "compile-cache"),
      hostIp: HOST_IP,
      runtimes: place.runtimes,
      cgroups: place.cgroups,
    },
    facts: {},
  });
}

/** A client through which nothing comes any more once its user is dead, not even what is under way. */
function openMortal(client: KubeClient): { kube: KubeClient; die: () => void } {
  let isDead = false;
  const kube = new Proxy(client, {
    get(target, name: keyof KubeClient) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== "function" || !isDead) return member;
      return () => Promise.reject(new Error("the agent is dead"));
    },
  });
  return {
    kube,
    die() {
      isDead = true;
    },
  };
}

/** There is no scheduler: every Pod is for this node. */
function withNode(kube: KubeClient): KubeClient {
  const create: KubeClient["create"] = (kind, object, ...rest) => {
    const isPod = (kind as unknown) === Pod;
    const spec = { ...(object as { spec?: object }).spec, nodeName: NODE_NAME, automountServiceAccountToken: false };
    return kube.create(kind, isPod ? { ...object, spec } : object, ...rest);
  };
  return { ...kube, create };
}
