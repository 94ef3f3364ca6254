import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { CoreService, type Informer, type KubeClient } from "@kelvin/kube";
import { forwardConnection } from "./forward.ts";
import type { HostPorts } from "./host-ports.ts";
import type { ServiceKey, ServiceProxy } from "./service-proxy.ts";

export interface PublishedPortsOptions {
  kube: KubeClient;
  services: Informer<CoreService>;
  proxy: ServiceProxy;
  hostPorts: HostPorts;
  /** Where Pods find the published ports too: `<anything>.localhost` leads there. */
  hostAddress: string;
  reportError: (message: string, error: unknown) => void;
}

interface Publication {
  readonly owner: ServiceKey;
  servers: readonly Server[];
}

/** An annotation: "5000:5001,…" has port 5000 of the Service be 5001 on the host. Inside the cluster both lead to it. */
const hostPortsAnnotation = "kelvin.dev/host-ports";

/** One port of a Service and what it is on the host. */
interface PublishedPort {
  readonly port: number;
  readonly hostPort: number;
}

/** Gives every Service of type LoadBalancer its ports on the host's loopback addresses, and says so in its status. */
export function openPublishedPorts(options: PublishedPortsOptions): { close(): Promise<void> } {
  const { services, proxy, hostPorts, hostAddress, reportError } = options;
  const publications = new Map<number, Publication>();
  let isClosed = false;
  let work: Promise<void> = Promise.resolve();

  async function publish(service: CoreService, { port, hostPort }: PublishedPort): Promise<void> {
    const owner = keyOf(service);
    const current = publications.get(hostPort);
    if (current !== undefined) {
      if (!isSame(current.owner, owner)) reportTaken(owner, hostPort, current.owner);
      return;
    }
    const publication: Publication = { owner, servers: [] };
    publications.set(hostPort, publication);
    try {
      const inside = [...new Set([port, hostPort])].map((each) => listenInside(hostAddress, each));
      publication.servers = [...(await hostPorts.take(hostPort)), ...(await Promise.all(inside))];
      for (const server of publication.servers) {
        // Handles that arrive from another process are made with half-close off; a client may end its side first.
        Object.assign(server, { allowHalfOpen: true, pauseOnConnect: true });
        server.on("connection", (client: Socket) => {
          forwardConnection(client, () => proxy.endpointsFor(client.remoteAddress ?? "", owner, port));
        });
      }
    } catch (error) {
      publications.delete(hostPort);
      reportError(`Failed to publish port ${hostPort} of Service ${owner.namespace}/${owner.name} on the host`, error);
    }
  }

  function reportTaken(owner: ServiceKey, port: number, other: ServiceKey): void {
    const cause = new Error(`Service ${other.namespace}/${other.name} already has it`);
    reportError(`Failed to publish port ${port} of Service ${owner.namespace}/${owner.name} on the host`, cause);
  }

  async function sync(): Promise<void> {
    if (isClosed) return;
    const balanced = services.list().filter((service) => service.spec?.type === "LoadBalancer");
    const wanted = new Map(
      balanced.flatMap((service) => portsOf(service).map(({ hostPort }) => [hostPort, service] as const)),
    );
    for (const [port, publication] of publications) {
      const service = wanted.get(port);
      if (service !== undefined && isSame(keyOf(service), publication.owner)) continue;
      for (const server of publication.servers) server.close();
      publications.delete(port);
    }
    for (const service of balanced) {
      for (const port of portsOf(service)) await publish(service, port);
      await markPublished(service, options);
    }
  }

  function syncSoon(): void {
    work = work.then(sync).catch((error: unknown) => {
      reportError("Failed to publish the ports of LoadBalancer Services", error);
    });
  }

  const unsubscribe = services.onChange(({ before, after }) => {
    if ([before, after].some((service) => service?.spec?.type === "LoadBalancer")) syncSoon();
  });
  syncSoon();
  return {
    async close() {
      isClosed = true;
      unsubscribe();
      await work;
      for (const { servers } of publications.values()) for (const server of servers) server.close();
    },
  };
}

async function listenInside(host: string, port: number): Promise<Server> {
  const server = createServer().listen(port, host);
  await once(server, "listening");
  return server;
}

/** The address a client on the host uses; only loopback, never the machine's other interfaces. */
async function markPublished(service: CoreService, { kube }: PublishedPortsOptions): Promise<void> {
  const loadBalancer = { ingress: [{ ip: "127.0.0.1" }] };
  if (service.status?.loadBalancer?.ingress?.[0]?.ip === "127.0.0.1") return;
  await kube.patch(
    CoreService,
    keyOf(service),
    { type: "merge", body: { status: { loadBalancer } } },
    { subresource: "status" },
  );
}

function portsOf({ metadata, spec }: CoreService): PublishedPort[] {
  const pairs = (metadata.annotations?.[hostPortsAnnotation] ?? "")
    .split(",")
    .map((pair) => pair.split(":").map(Number));
  const ofTcp = (spec?.ports ?? []).filter(({ protocol = "TCP" }) => protocol === "TCP");
  return ofTcp.map(({ port }) => ({ port, hostPort: pairs.find(([from]) => from === port)?.[1] ?? port }));
}

function keyOf(service: CoreService): ServiceKey {
  return { namespace: service.metadata.namespace ?? "", name: service.metadata.name ?? "" };
}

function isSame(left: ServiceKey, right: ServiceKey): boolean {
  return left.namespace === right.namespace && left.name === right.name;
}
