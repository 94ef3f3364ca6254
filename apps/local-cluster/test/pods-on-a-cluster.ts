// The whole local cluster, two Pods and their Services, on the network that the command line names. Started by
// pods-on-a-cluster.test.ts, for namespaces inside fresh ones.
// Prints what it saw as one line of JSON.
import { EventEmitter, once } from "node:events";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { silentLog } from "@kelvin/controller";
import { CoreService, type KubeClient, loadKubeConfig, openKubeClient, Pod } from "@kelvin/kube";
import { openApp } from "../src/app.ts";
import type { ClusterMessage } from "../src/network/host-ports.ts";

const POLL_MS = 20;
const [dataDir = "", network = "", block = ""] = process.argv.slice(2);

/** Plays the host side: its sockets are in this same network here, and on ports that are free. */
class Host extends EventEmitter {
  readonly ports = new Map<number, number>();

  send(message: ClusterMessage): boolean {
    if (message.type === "publish") this.publish(message.port).catch((error: unknown) => this.emit("error", error));
    return true;
  }

  async publish(port: number): Promise<void> {
    const server = createServer().listen(port === apiPort ? port : 0, "127.0.0.1");
    await once(server, "listening");
    this.ports.set(port, portOf(server));
    this.emit("message", { type: "listener", port }, server);
    this.emit("message", { type: "published", port });
  }
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

function makePod(name: string): Pod {
  const field = (fieldPath: string): object => ({ valueFrom: { fieldRef: { fieldPath } } });
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default", labels: { app: "echo" } },
    spec: {
      terminationGracePeriodSeconds: 5,
      containers: [
        {
          name: "echo",
          image: "dev.local/echo",
          env: [
            { name: "POD_IP", ...field("status.podIP") },
            { name: "POD_NAME", ...field("metadata.name") },
          ],
          ports: [{ name: "web", containerPort: 8080 }],
          readinessProbe: { httpGet: { path: "/", port: "web" } },
        },
      ],
    },
  };
}

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

const key = (name: string): { namespace: string; name: string } => ({ namespace: "default", name });

function readyPod(kube: KubeClient, name: string, restarts: number): Promise<Pod> {
  return until(async () => {
    const pod = await kube.find(Pod, key(name));
    const [status] = pod?.status?.containerStatuses ?? [];
    return status?.ready === true && status.restartCount === restarts ? pod : undefined;
  });
}

async function ask(url: string): Promise<{ pid: number; podIp: string; hasToken: boolean }> {
  const response = await fetch(url, { headers: { connection: "close" } });
  return (await response.json()) as { pid: number; podIp: string; hasToken: boolean };
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    // There is no such process any more.
    return false;
  }
}

const apiPort = await freePort();
const host = new Host();
const config = {
  dataDir,
  isEphemeral: true,
  apiPort,
  network: network === "loopback" ? ("loopback" as const) : ("namespaces" as const),
  ...(block !== "" && { loopbackBlock: Number(block) }),
  imagesDir: join(import.meta.dirname, "images"),
};
const app = await openApp(config, { host, log: silentLog });
const kube = openKubeClient(await loadKubeConfig({ path: join(dataDir, "kubeconfig") }));

await Promise.all(["one", "two"].map((name) => kube.create(Pod, makePod(name))));
const ports = [{ name: "http", port: 80, targetPort: "web" }];
await kube.create(CoreService, {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "echo", namespace: "default" },
  spec: { type: "LoadBalancer", selector: { app: "echo" }, ports },
});
const pods = [await readyPod(kube, "one", 0), await readyPod(kube, "two", 0)];
const podIps = pods.map(({ status }) => status?.podIP ?? "");
const answers = await Promise.all(podIps.map((podIp) => ask(`http://${podIp}:8080`)));

const service = await kube.get(CoreService, key("echo"));
const throughService = await until(() => ask(`http://${service.spec?.clusterIP ?? ""}`).catch(() => undefined));
const throughHost = await until(() => ask(`http://127.0.0.1:${host.ports.get(80) ?? 0}`).catch(() => undefined));

await kube.create(CoreService, {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "pods", namespace: "default" },
  spec: { clusterIP: "None", selector: { app: "echo" }, ports },
});
await kube.create(CoreService, {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "alias", namespace: "default" },
  spec: { type: "ExternalName", externalName: "echo.default.svc.cluster.local" },
});
const dashed = (podIps[1] ?? "").replaceAll(".", "-");
const names = [
  "echo",
  "echo.default",
  "echo.default.svc",
  "echo.default.svc.cluster.local",
  "alias.default.svc.cluster.local",
  "anything.default.localhost",
  "pods:8080",
  `${dashed}.pods.default.svc:8080`,
];
// On the loopback network a Pod has the machine's own way out, whatever that is.
const strangers = network === "loopback" ? [] : ["nobody", "example.com", "192.0.2.1"];
// The last name to appear is that of the headless Service: its endpoints come after it.
await until(async () => ((await askFromPod("pods:8080")) === "a Pod" ? true : undefined));
const fromPod = {
  reached: await Promise.all(names.map(askFromPod)),
  failures: await Promise.all(strangers.map(askFromPod)),
};

/** What the first Pod gets from a host: an answer of one of the Pods, or the code of the error. */
async function askFromPod(host: string): Promise<string> {
  const url = encodeURIComponent(`http://${host}/`);
  const response = await fetch(`http://${podIps[0] ?? ""}:8080/?fetch=${url}`, {
    headers: { connection: "close" },
  });
  const text = await response.text();
  return podIps.some((podIp) => text.includes(podIp)) ? "a Pod" : text;
}

process.kill(answers[0]?.pid ?? 0, "SIGKILL");
const restarted = await readyPod(kube, "one", 1);
const again = await ask(`http://${restarted.status?.podIP ?? ""}:8080`);

await kube.delete(Pod, key("one"));
await kube.delete(Pod, key("two"));
await until(async () => ((await kube.list(Pod)).items.length === 0 ? true : undefined));
const isGone = ![...answers, again].some(({ pid }) => isRunning(pid));
await kube.close();
await app.close();

const report = {
  podIps,
  answeredIps: answers.map(({ podIp }) => podIp),
  hasTokens: answers.every(({ hasToken }) => hasToken),
  serviceAnswered: podIps.includes(throughService.podIp),
  hostAnswered: podIps.includes(throughHost.podIp),
  fromPod,
  lastExitCode: restarted.status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode,
  isGone,
};
process.stdout.write(`${JSON.stringify(report)}\n`);
process.exit(0);
