// The whole local cluster, two Pods and their Services, on the network that the command line names. Started by
// pods-on-a-cluster.test.ts, for namespaces inside fresh ones.
// Prints what it saw as one line of JSON.
import { CoreService, type KubeClient, Pod } from "@kelvin/kube";
import { keyOf, openTestCluster, podWhen, until } from "./cluster.ts";

const [dataDir = "", network = "", block = ""] = process.argv.slice(2);

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

function readyPod(kube: KubeClient, name: string, restarts: number): Promise<Pod> {
  return podWhen(kube, name, ({ status }) => {
    const [container] = status?.containerStatuses ?? [];
    return container?.ready === true && container.restartCount === restarts;
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

const { host, kube, close } = await openTestCluster({
  dataDir,
  network: network === "loopback" ? "loopback" : "namespaces",
  ...(block !== "" && { loopbackBlock: Number(block) }),
});

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

const service = await kube.get(CoreService, keyOf("echo"));
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

await kube.delete(Pod, keyOf("one"));
await kube.delete(Pod, keyOf("two"));
await until(async () => ((await kube.list(Pod)).items.length === 0 ? true : undefined));
const isGone = ![...answers, again].some(({ pid }) => isRunning(pid));
await close();

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
