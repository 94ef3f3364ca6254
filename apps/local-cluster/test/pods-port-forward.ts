// The real kubectl's port-forward to a Pod of a whole local cluster. Started by pods-port-forward.test.ts; prints what it saw
// as one line of JSON.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { Pod } from "@kelvin/kube";
import { makeShellPod, openTestCluster, podWhen, tell, until } from "./cluster.ts";

const [dataDir = ""] = process.argv.slice(2);
const PORTS = { web: 17_205, nobody: 17_206 };
const { kube, kubeconfig, close } = await openTestCluster({ dataDir });
const env = [{ name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } }];
const readinessProbe = { httpGet: { path: "/", port: 8080 } };
const ports = [{ name: "web", containerPort: 8080 }];
await kube.create(Pod, makeShellPod("echo", { main: { env, ports, readinessProbe } }));
const pod = await podWhen(kube, "echo", ({ status }) => status?.containerStatuses?.[0]?.ready === true);

const words = ["port-forward", "pod/echo", `${PORTS.web}:web`, `${PORTS.nobody}:9`];
const kubectl = spawn("kubectl", ["--kubeconfig", kubeconfig, ...words], { stdio: ["ignore", "pipe", "pipe"] });
let said = "";
for (const stream of [kubectl.stdout, kubectl.stderr]) stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
await until(() => (said.includes(`127.0.0.1:${PORTS.nobody}`) ? true : undefined));

interface Answer {
  readonly podIp: string;
}
const ask = async (): Promise<string> =>
  ((await (await fetch(`http://127.0.0.1:${PORTS.web}`)).json()) as Answer).podIp;
const answers = await Promise.all(Array.from({ length: 8 }, ask));
// Nobody listens there: the connection ends, and kubectl says why.
await new Promise((resolve) => connect(PORTS.nobody, "127.0.0.1").on("error", resolve).on("close", resolve).resume());
await until(() => (said.includes("error forwarding port") ? true : undefined));
kubectl.kill("SIGKILL");

// A container that goes on talking, from the middle and to its end.
const script = "i=0; while [ $i -lt 30 ]; do echo line $i; i=$((i+1)); sleep 0.1; done";
await kube.create(Pod, makeShellPod("talker", { main: { script } }));
await podWhen(kube, "talker", ({ status }) => status?.phase === "Running");
await new Promise((resolve) => setTimeout(resolve, 500));
const attach = spawn("kubectl", ["--kubeconfig", kubeconfig, "attach", "talker"], {
  stdio: ["ignore", "pipe", "pipe"],
});
let heard = "";
attach.stdout.on("data", (chunk: Buffer) => (heard += chunk.toString()));
const [attachCode] = (await once(attach, "close")) as [number];
const heardLines = heard
  .trim()
  .split("\n")
  .filter((line) => line.startsWith("line "));
await close();
tell({
  isPod: answers.every((address) => address === pod.status?.podIP),
  attachCode,
  // Not from the beginning, but without a gap to the end.
  attached: heardLines.length > 3 && heardLines.length < 30 && heardLines.at(-1) === "line 29",
  hasNoGap: heardLines.every((line, index) => line === `line ${30 - heardLines.length + index}`),
  refusal: /error forwarding port 9 to pod: (?:connect )?ECONNREFUSED/.test(said),
});
