import { type Agent, type IncomingMessage, type Server, type ServerResponse, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import type { Ingress, IngressPath, IngressSplit } from "@kelvin/api/networking/v1alpha1";
import type { RoutingTableReport } from "@kelvin/api/scaling";
import { labels, type Revision } from "@kelvin/api/serving/v1";
import { createLogger } from "@kelvin/http-service";
import type { CoreService, EndpointSlice, Pod } from "@kelvin/kube";
import { type FakeKube, openFakeKube } from "@kelvin/testkit";
import { type Activator, openActivator } from "../src/app.ts";
import { parseConfig } from "../src/config.ts";

/** The activator on a fake Kubernetes, with real sockets. */
export interface World {
  readonly kube: FakeKube;
  readonly activator: Activator;
  get(host: string, options?: GetOptions): Promise<Answer>;
  internal(path: string, body?: object): Promise<unknown>;
  metrics(): Promise<string>;
  isReady(): Promise<boolean>;
  close(): Promise<void>;
}

export interface GetOptions {
  listener?: "public" | "local" | "routed";
  path?: string;
  method?: string;
  body?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** Default: a connection of its own. */
  agent?: Agent;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingMessage["headers"];
}

export async function openWorld(env: Record<string, string> = {}): Promise<World> {
  const kube = openFakeKube();
  const ports = { HTTP_PORT: "0", LOCAL_PORT: "0", ROUTED_PORT: "0", INTERNAL_PORT: "0" };
  const config = parseConfig({
    ...ports,
    DRAIN_LINGER_SECONDS: "0",
    DRAIN_SECONDS: "2",
    POD_NAME: "activator-1",
    ...env,
  });
  const log = createLogger("activator", { level: env["LOG_LEVEL"] ?? "silent" });
  const activator = await openActivator(config, { kube, log, requestLogOut: process.stdout });
  await activator.started;
  return {
    kube,
    activator,
    get: (host, options = {}) => send(activator.ports()[options.listener ?? "public"], host, options),
    async internal(path, body) {
      const options = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
      const headers = { "content-type": "application/json" };
      const answer = await send(activator.ports().internal, "internal", { path, headers, ...options });
      if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.body}`);
      return JSON.parse(answer.body) as unknown;
    },
    metrics: async () => (await send(activator.ports().internal, "internal", { path: "/metrics" })).body,
    isReady: async () => (await send(activator.ports().internal, "internal", { path: "/readyz" })).status === 200,
    close: () => activator.drain(),
  };
}

function send(port: number, host: string, options: GetOptions): Promise<Answer> {
  const { path = "/", method = "GET", body, headers = {}, signal, agent = false } = options;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: "127.0.0.1",
        port,
        path,
        method,
        agent,
        headers: { host, ...headers },
        ...(signal === undefined ? {} : { signal }),
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (text += chunk));
        response.on("error", reject);
        response.on("end", () => {
          resolve({ status: response.statusCode ?? 0, body: text, headers: response.headers });
        });
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/** A real server on an address of its own, and the Pod that stands for it. */
export interface TestPod {
  readonly name: string;
  readonly uid: string;
  /** Requests now in the container, and the most there ever were. */
  readonly load: { now: number; max: number; total: number };
  /** Tells Kubernetes; whatever is not said is as it was. */
  put(state?: { ready?: boolean; terminating?: boolean; containerId?: string }): void;
  /** Ends the process as kill -9 would. */
  kill(): Promise<void>;
  /** Starts it again at the same address. */
  restart(): Promise<void>;
}

export type Answering = (request: IncomingMessage, response: ServerResponse) => void;

let podCount = 0;

export async function startPod(
  world: Pick<World, "kube">,
  revision: string,
  options: { answer?: Answering; server?: Server; ready?: boolean; listens?: boolean; readinessProbe?: object } = {},
): Promise<TestPod> {
  const number = ++podCount;
  const name = `${revision}-${number}`;
  const ip = `127.0.${Math.floor(number / 200) + 1}.${(number % 200) + 2}`;
  const answer: Answering = options.answer ?? ((_request, response) => response.end(`${revision} ${name}`));
  const load = { now: 0, max: 0, total: 0 };
  let server: Server | undefined;
  let port = 0;
  async function listen(): Promise<void> {
    const listening = options.server ?? createServer();
    listening.removeAllListeners("request").on("request", (incoming: IncomingMessage, response: ServerResponse) => {
      load.now++;
      load.total++;
      load.max = Math.max(load.max, load.now);
      response.once("close", () => load.now--);
      answer(incoming, response);
    });
    server = listening;
    await new Promise<void>((resolve) => {
      listening.listen(port, ip, resolve);
    });
    port = (listening.address() as AddressInfo).port;
  }
  async function kill(): Promise<void> {
    const dying = server;
    server = undefined;
    await new Promise((resolve) => {
      if (dying === undefined) resolve(undefined);
      else dying.close(resolve);
      dying?.closeAllConnections();
    });
  }
  await listen();
  if (options.listens === false) await kill();
  let state = { ready: options.ready ?? true, terminating: false, containerId: "one" };
  servers.add(kill);
  const pod: TestPod = {
    name,
    uid: `uid-${name}`,
    load,
    put(changes = {}) {
      state = { ...state, ...changes };
      const { readinessProbe } = options;
      world.kube.put(
        makePod({ name, revision, ip, port, ...state, ...(readinessProbe === undefined ? {} : { readinessProbe }) }),
      );
    },
    kill,
    restart: listen,
  };
  pod.put();
  return pod;
}

const servers = new Set<() => Promise<void>>();

export async function stopPods(): Promise<void> {
  await Promise.all([...servers].map((kill) => kill()));
  servers.clear();
}

function makePod(pod: {
  name: string;
  revision: string;
  ip: string;
  port: number;
  ready: boolean;
  terminating: boolean;
  containerId: string;
  readinessProbe?: object;
}): Pod {
  const { readinessProbe = { tcpSocket: { port: pod.port } } } = pod;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: pod.name,
      namespace: "default",
      uid: `uid-${pod.name}`,
      labels: { [labels.revision]: pod.revision },
      ...(pod.terminating ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}),
    },
    spec: {
      containers: [{ name: "user-container", ports: [{ name: "user-port", containerPort: pod.port }], readinessProbe }],
    },
    status: {
      phase: "Running",
      podIP: pod.ip,
      conditions: [{ type: "Ready", status: pod.ready ? "True" : "False" }],
      containerStatuses: [
        {
          name: "user-container",
          image: "",
          imageID: "",
          ready: pod.ready,
          restartCount: 0,
          containerID: pod.containerId,
          state: { running: { startedAt: "2026-01-01T00:00:00Z" } },
        },
      ],
    },
  };
}

export function revision(name: string, spec: Partial<Revision["spec"]> = {}): Revision {
  return {
    apiVersion: "serving.knative.dev/v1",
    kind: "Revision",
    metadata: { name, namespace: "default" },
    spec: { containerConcurrency: 0, timeoutSeconds: 10, ...spec },
  };
}

export function revisionBackend(name: string, percent: number): IngressSplit {
  return {
    serviceName: name,
    servicePort: 80,
    percent,
    appendHeaders: { "Knative-Serving-Revision": name, "Knative-Serving-Namespace": "default" },
  };
}

/** An Ingress that sends a host's requests to revisions by percent, or as `paths` say. */
export function ingress(
  name: string,
  shares: Record<string, number>,
  options: {
    hosts?: string[];
    generation?: number;
    visibility?: "ExternalIP" | "ClusterLocal";
    paths?: IngressPath[];
  } = {},
): Ingress {
  const { hosts = [`${name}.example.com`], generation = 1, visibility = "ExternalIP" } = options;
  const splits = Object.entries(shares).map(([revisionName, percent]) => revisionBackend(revisionName, percent));
  const { paths = [{ splits }] } = options;
  return {
    apiVersion: "networking.internal.knative.dev/v1alpha1",
    kind: "Ingress",
    metadata: { name, namespace: "default", generation },
    spec: { rules: [{ hosts, visibility, http: { paths } }] },
  };
}

/** The generation of an Ingress that the activator says it serves. */
export async function generationOf(world: World, name: string): Promise<number | undefined> {
  const report = (await world.internal("/internal/v1/table")) as RoutingTableReport;
  return report.ingresses[`default/${name}`];
}

/** A Kubernetes Service with one ready address a port. */
export async function startService(
  world: World,
  name: string,
  ports: readonly { name: string; port: number; text: string }[],
): Promise<void> {
  const targets = await Promise.all(
    ports.map(async (port) => {
      const server = createServer((_request, response) => response.end(port.text));
      await new Promise<void>((resolve) => {
        server.listen(0, "127.0.0.1", resolve);
      });
      servers.add(
        () =>
          new Promise((resolve) => {
            server.close(() => resolve());
            server.closeAllConnections();
          }),
      );
      return { name: port.name, port: (server.address() as AddressInfo).port };
    }),
  );
  const metadata = { name, namespace: "default" };
  const spec = { ports: ports.map((port) => ({ name: port.name, port: port.port })) };
  const service: CoreService = { apiVersion: "v1", kind: "Service", metadata, spec };
  const slice: EndpointSlice = {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { ...metadata, name: `${name}-1`, labels: { "kubernetes.io/service-name": name } },
    addressType: "IPv4",
    ports: targets,
    endpoints: [{ addresses: ["127.0.0.1"], conditions: { ready: true } }],
  };
  world.kube.put(service);
  world.kube.put(slice);
}

/** Waits until it is so, without guessing how long that takes; gives up after some seconds. */
export async function until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const endMs = performance.now() + 15_000;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
