// The embedded registry under all its names, on a whole local cluster: from references of images, and inside of Pods. Started
// by pods-registry.test.ts; prints what it saw as one line of JSON.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CoreService, Pod } from "@kelvin/kube";
import { openRegistryClient } from "@kelvin/oci";
import { makeShellPod, openTestCluster, podWhen, runPod, tell } from "./cluster.ts";
import { pushImage } from "./push-image.ts";

const [dataDir = "", hostPort = ""] = process.argv.slice(2);
const imagesDir = join(dataDir, "own");
mkdirSync(join(imagesDir, "local"), { recursive: true });
writeFileSync(join(imagesDir, "local", "package.json"), JSON.stringify({ scripts: { start: "true" } }));
const { kube, close } = await openTestCluster({ dataDir, imagesDir });

// As `kelvin start --registry-port` publishes it: another port on the host, both inside.
const labels = { app: "registry" };
const running = makeShellPod("registry", {
  main: {
    image: "dev.local/apps/registry",
    env: [
      { name: "REGISTRY_DIRECTORY", value: "/data" },
      { name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
    ],
    volumeMounts: [{ name: "data", mountPath: "/data" }],
    readinessProbe: { httpGet: { path: "/readyz", port: 5000 }, periodSeconds: 1 },
  },
});
const registryPod = {
  ...running,
  metadata: { ...running.metadata, labels },
  spec: { ...running.spec, volumes: [{ name: "data", emptyDir: {} }] },
} as Pod;
await kube.create(Pod, registryPod);
await kube.create(CoreService, {
  apiVersion: "v1",
  kind: "Service",
  metadata: {
    name: "registry",
    namespace: "default",
    annotations: { "kelvin.dev/host-ports": `5000:${hostPort}` },
  },
  spec: { type: "LoadBalancer", selector: labels, ports: [{ name: "http", port: 5000 }] },
});
const ready = await podWhen(kube, "registry", ({ status }) => status?.containerStatuses?.[0]?.ready === true);

const client = openRegistryClient({
  endpoints: { "registry.localhost:5000": `http://${ready.status?.podIP}:5000` },
});
const source = join(dataDir, "source");
const reference = "registry.localhost:5000/team/app:1";
await pushImage({ client, reference, source, greeting: "here" }, AbortSignal.timeout(30_000));
client.close();

const hosts = ["registry.localhost", "localhost", "127.0.0.1"];
const names = hosts.flatMap((host) => [`${host}:5000`, `${host}:${hostPort}`]);
const pulled = await Promise.all(
  names.map(async (name, index) => {
    const image = `${name}/team/app:1`;
    const { status } = await runPod(
      kube,
      makeShellPod(`pulled-${index}`, { main: { image, imagePullPolicy: "Always" } }),
    );
    const [main] = status?.containerStatuses ?? [];
    return [name, `${main?.state?.terminated?.message} ${main?.imageID?.split("/")[0] === name}`] as const;
  }),
);

// In a Pod `localhost` is the Pod itself; every other name leads to this machine.
const asking = names.map((name) => `http://${name}/v2/`);
const script = `
const ask = (url) => fetch(url).then(({ status }) => status, ({ cause }) => cause.code ?? "failed");
Promise.all(${JSON.stringify(asking)}.map(ask)).then((answers) =>
  require("fs").writeFileSync("/dev/termination-log", answers.join(" ")));
`;
const asked = await runPod(
  kube,
  makeShellPod("asks", { main: { image: "dev.local/local", command: ["node", "-e", script] } }),
);
await close();
tell({
  pulled: Object.fromEntries(pulled),
  inPods: asked.status?.containerStatuses?.[0]?.state?.terminated?.message,
});
