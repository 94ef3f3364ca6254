// Pods from images of a registry that asks for a password, on a whole local cluster. Started by pods-images.test.ts; prints
// what it saw as one line of JSON.
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CoreEvent, CoreService, EndpointSlice, Pod, Secret, ServiceAccount } from "@kelvin/kube";
import { openRegistryClient } from "@kelvin/oci";
import { hasEnded, makeShellPod, openTestCluster, podWhen, runPod, tell, until } from "./cluster.ts";
import { pushImage } from "./push-image.ts";

const [dataDir = ""] = process.argv.slice(2);
const { kube, close } = await openTestCluster({ dataDir });
const REGISTRY = "registry.localhost:5000";
const LISTENING = { address: "10.44.0.1", port: 5055 };
/** `user` with the password `secret`. */
const PASSWORDS = "user:$2b$04$ELiR2mr9s0HZ0uVxFSTaR.zB1RRORRWp/ytyLXBa2ZYC0cOnE8OyC\n";
const signal = AbortSignal.timeout(50_000);
const client = openRegistryClient({
  endpoints: { [REGISTRY]: `http://${LISTENING.address}:${LISTENING.port}` },
  credentials: [{ registry: REGISTRY, path: "", username: "user", password: "secret" }],
});

function startRegistry(): ChildProcess {
  writeFileSync(join(dataDir, "htpasswd"), PASSWORDS);
  const config = {
    version: 0.1,
    log: { level: "error" },
    storage: { filesystem: { rootdirectory: join(dataDir, "registry") } },
    http: { addr: `${LISTENING.address}:${LISTENING.port}` },
    auth: { htpasswd: { realm: "test", path: join(dataDir, "htpasswd") } },
  };
  writeFileSync(join(dataDir, "registry.yml"), JSON.stringify(config));
  return spawn("docker-registry", ["serve", join(dataDir, "registry.yml")], { stdio: "ignore" });
}

/** Publishes the registry as `kelvin start` does: under a name of the host. */
async function publishRegistry(): Promise<void> {
  const metadata = { name: "registry", namespace: "default" };
  const ports = [{ name: "http", port: 5000, targetPort: LISTENING.port }];
  await kube.create(CoreService, {
    apiVersion: "v1",
    kind: "Service",
    metadata,
    spec: { type: "LoadBalancer", ports },
  });
  await kube.create(EndpointSlice, {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { ...metadata, labels: { "kubernetes.io/service-name": "registry" } },
    addressType: "IPv4",
    endpoints: [{ addresses: [LISTENING.address], conditions: { ready: true } }],
    ports: [{ name: "http", port: LISTENING.port, protocol: "TCP" }],
  });
}

function push(name: string, greeting: string): Promise<string> {
  const source = join(dataDir, "source", greeting);
  return pushImage({ client, reference: `${REGISTRY}/${name}`, source, greeting }, signal);
}

function byImage(name: string, image: string, { imagePullPolicy = "IfNotPresent", ...rest } = {} as Wishes): Pod {
  return makeShellPod(name, { main: { image, imagePullPolicy } }, rest);
}

type Wishes = Partial<NonNullable<Pod["spec"]>> & { readonly imagePullPolicy?: string };

interface Seen {
  readonly message: string | undefined;
  readonly imageID: string | undefined;
}

async function see(pod: Pod): Promise<Seen> {
  const [main] = (await runPod(kube, pod)).status?.containerStatuses ?? [];
  return { message: main?.state?.terminated?.message, imageID: main?.imageID };
}

async function eventsOf(name: string): Promise<string[]> {
  const { items } = await kube.list(CoreEvent, { namespace: "default" });
  return items.filter(({ involvedObject }) => involvedObject.name === name).map(({ message = "" }) => message);
}

/** How it waits: first with the error, then in back-off. */
async function refused(name: string, pod: Pod, last = "ImagePullBackOff"): Promise<object> {
  await kube.create(Pod, pod);
  const reasons = new Set<string>();
  const waiting = await podWhen(kube, name, ({ status }) => {
    const reason = status?.containerStatuses?.[0]?.state?.waiting?.reason ?? "";
    if (reason !== "" && reason !== "ContainerCreating") reasons.add(reason);
    return reason === last;
  });
  const message = waiting.status?.containerStatuses?.[0]?.state?.waiting?.message ?? "";
  return { reasons: [...reasons], message };
}

function findPuller(): number | undefined {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const puller = pids.find((pid) => {
    try {
      // The node itself, by its words; the shell before it has them among others.
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      return words[0] === process.execPath && words.some((word) => word.endsWith("/pull-main.ts"));
    } catch {
      // It has ended.
      return false;
    }
  });
  return puller === undefined ? undefined : Number(puller);
}

const registry = startRegistry();
await publishRegistry();
const first = await until(() => push("team/app:1", "one").catch(() => undefined));

const anonymous = await refused("anonymous", byImage("anonymous", `${REGISTRY}/team/app:1`));
const auths = { auths: { [REGISTRY]: { auth: Buffer.from("user:secret").toString("base64") } } };
await kube.create(Secret, {
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "pull", namespace: "default" },
  type: "kubernetes.io/dockerconfigjson",
  data: { ".dockerconfigjson": Buffer.from(JSON.stringify(auths)).toString("base64") },
});
const imagePullSecrets = [{ name: "pull" }];
const pulled = await see(byImage("pulled", `${REGISTRY}/team/app:1`, { imagePullSecrets }));
const pulledEvents = await until(async () => {
  const events = (await eventsOf("pulled")).filter((text) => /^(?:Success.* p|P)ull/.test(text));
  return events.length >= 2 ? events : undefined;
});

// The tag moves on: who has it keeps it, who always asks gets the new one, and a digest stays what it was.
const second = await push("team/app:1", "two");
const account = { metadata: { name: "puller", namespace: "default" }, imagePullSecrets };
await kube.create(ServiceAccount, { apiVersion: "v1", kind: "ServiceAccount", ...account } as ServiceAccount);
const localAuths = { auths: { "localhost:5000": { auth: Buffer.from("user:secret").toString("base64") } } };
await kube.create(Secret, {
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "local", namespace: "default" },
  type: "kubernetes.io/dockerconfigjson",
  data: { ".dockerconfigjson": Buffer.from(JSON.stringify(localAuths)).toString("base64") },
});
const [present, always, digested, never, missing, wrong] = await Promise.all([
  see(byImage("present", `${REGISTRY}/team/app:1`)),
  see(byImage("always", `${REGISTRY}/team/app:1`, { serviceAccountName: "puller", imagePullPolicy: "Always" })),
  see(byImage("digested", `localhost:5000/team/app@${first}`, { imagePullSecrets: [{ name: "local" }] })),
  refused("never", byImage("never", `${REGISTRY}/team/other:1`, { imagePullPolicy: "Never" }), "ErrImageNeverPull"),
  refused("missing", byImage("missing", `${REGISTRY}/team/missing:1`, { imagePullSecrets })),
  refused("wrong", byImage("wrong", `${REGISTRY}/Team/app:1`, { imagePullSecrets }), "InvalidImageName"),
]);

// Two pullers of the same image at once, for Secrets that differ are not shared; and one that is killed in the middle.
await push("team/race:1", "race");
const racing = ["racer", "other-racer"].map((name, index) =>
  see(
    byImage(name, `${REGISTRY}/team/race:1`, {
      imagePullSecrets: index === 0 ? imagePullSecrets : [...imagePullSecrets, { name: "local" }],
    }),
  ),
);
const raced = (await Promise.all(racing)).map(({ message }) => message);
// What the one that is killed leaves is removed with the next life.
const left = readdirSync(join(dataDir, "images", "tmp"));
await push("team/killed:1", "killed");
const reasonsOfKilled = new Set<string>();
await kube.create(Pod, byImage("killed", `${REGISTRY}/team/killed:1`, { imagePullSecrets }));
process.kill(await until(findPuller), "SIGKILL");
const afterKill = await podWhen(kube, "killed", (pod) => {
  reasonsOfKilled.add(pod.status?.containerStatuses?.[0]?.state?.waiting?.reason ?? "");
  return hasEnded(pod);
});
const killed = {
  message: afterKill.status?.containerStatuses?.[0]?.state?.terminated?.message,
  wasSeen: reasonsOfKilled.has("ErrImagePull") || reasonsOfKilled.has("ImagePullBackOff"),
  events: (await eventsOf("killed")).some((text) => text.includes("ended early")),
};
const roots = readdirSync(join(dataDir, "images", "roots")).length;
registry.kill("SIGKILL");
client.close();
await close();
tell({
  anonymous,
  pulled: { ...pulled, isFirst: pulled.imageID === `${REGISTRY}/team/app@${first}` },
  pulledEvents,
  present: present.message,
  digested: digested.message,
  always: { ...always, isSecond: always.imageID === `${REGISTRY}/team/app@${second}` },
  never,
  missing,
  wrong,
  raced,
  killed,
  roots,
  left,
});
