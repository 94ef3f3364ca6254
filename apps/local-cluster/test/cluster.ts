// What the scripts share that run a whole local cluster in this process, inside namespaces of a test.
import { EventEmitter, once } from "node:events";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { silentLog } from "@kelvin/controller";
import { type KubeClient, loadKubeConfig, openKubeClient, Pod } from "@kelvin/kube";
import { type App, openApp } from "../src/app.ts";
import type { ClusterConfig } from "../src/config.ts";
import type { ClusterMessage } from "../src/network/host-ports.ts";

const POLL_MS = 20;

/** Plays the host side: its sockets are in this same network here, and on ports that are free. */
export class Host extends EventEmitter {
  readonly ports = new Map<number, number>();
  #apiPort: number;

  constructor(apiPort: number) {
    super();
    this.#apiPort = apiPort;
  }

  send(message: ClusterMessage): boolean {
    if (message.type === "publish") this.#publish(message.port).catch((error: unknown) => this.emit("error", error));
    return true;
  }

  async #publish(port: number): Promise<void> {
    const server = createServer().listen(port === this.#apiPort ? port : 0, "127.0.0.1");
    await once(server, "listening");
    this.ports.set(port, portOf(server));
    this.emit("message", { type: "listener", port }, server);
    this.emit("message", { type: "published", port });
  }
}

export interface TestCluster {
  readonly app: App;
  readonly host: Host;
  readonly kube: KubeClient;
  readonly kubeconfig: string;
  readonly close: () => Promise<void>;
}

/** The cluster on a free port, with the images beside this file. */
export async function openTestCluster(
  options: Pick<ClusterConfig, "dataDir"> & Partial<ClusterConfig>,
): Promise<TestCluster> {
  const apiPort = await freePort();
  const host = new Host(apiPort);
  const config: ClusterConfig = {
    isEphemeral: true,
    apiPort,
    registryPort: 5000,
    network: "namespaces",
    imagesDir: join(import.meta.dirname, "images"),
    ...options,
  };
  const app = await openApp(config, { host, log: silentLog });
  const kubeconfig = join(options.dataDir, "kubeconfig");
  const kube = openKubeClient(await loadKubeConfig({ path: kubeconfig }));
  return {
    app,
    host,
    kube,
    kubeconfig,
    async close() {
      await kube.close();
      await app.close();
    },
  };
}

function portOf(server: Server): number {
  const address = server.address();
  return address !== null && typeof address === "object" ? address.port : 0;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const port = portOf(server);
  server.close();
  return port;
}

/** Looks again and again until there is something; whoever started this process ends it when there never is. */
export async function until<T>(look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- one look after another is the purpose
    const found = await look();
    if (found !== undefined) return found;
    // oxlint-disable-next-line no-await-in-loop -- as above
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

export const keyOf = (name: string): { namespace: string; name: string } => ({ namespace: "default", name });

/** The Pod once `holds` is true of it. */
export function podWhen(kube: KubeClient, name: string, holds: (pod: Pod) => boolean): Promise<Pod> {
  return until(async () => {
    const pod = await kube.find(Pod, keyOf(name));
    return pod !== undefined && holds(pod) ? pod : undefined;
  });
}

type PodSpec = NonNullable<Pod["spec"]>;

/** A Pod of containers that each run one line of shell, unless they say more. */
export function makeShellPod(
  name: string,
  scripts: Readonly<Record<string, string | (Partial<PodSpec["containers"][number]> & { script?: string })>>,
  rest: Partial<PodSpec> = {},
): Pod {
  const containers = Object.entries(scripts).map(([container, value]) => {
    const { script, ...more } = typeof value === "string" ? { script: value } : value;
    return {
      name: container,
      image: "dev.local/echo",
      ...(script !== undefined && { command: ["/bin/sh", "-c", script] }),
      ...more,
    };
  });
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default" },
    spec: { restartPolicy: "Never", terminationGracePeriodSeconds: 2, containers, ...rest },
  };
}

/** Creates a Pod and gives it as it is at its end. */
export async function runPod(kube: KubeClient, pod: Pod): Promise<Pod> {
  await kube.create(Pod, pod);
  return podWhen(kube, pod.metadata.name ?? "", hasEnded);
}

export function hasEnded({ status }: Pod): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}

/** The end of a script: what it saw, for the test that started it. */
export function tell(report: object): never {
  process.stdout.write(`${JSON.stringify(report)}\n`);
  process.exit(0);
}
