// The commands of kubectl that need a node, and the exec of @kubernetes/client-node, on a real Pod of the whole local cluster.
// Started by kubectl-on-a-cluster.test.ts inside fresh namespaces. Prints what it saw as one line of JSON.
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { promisify } from "node:util";
import * as k8s from "@kubernetes/client-node"; // oxlint-disable-line no-restricted-imports -- it is what is tested here
import { openTestCluster } from "./cluster.ts";

const [dataDir = ""] = process.argv.slice(2);
const run = promisify(execFile);
const { kubeconfig, close } = await openTestCluster({ dataDir });

async function kubectl(...args: string[]): Promise<string> {
  const options = ["--kubeconfig", kubeconfig, "--cache-dir", join(dataDir, "cache")];
  try {
    const { stdout, stderr } = await run("kubectl", [...options, ...args], { timeout: 30_000 });
    return (stdout + stderr).trim();
  } catch (error) {
    const { stdout = "", stderr = String(error), code } = error as { stdout?: string; stderr?: string; code?: number };
    return `${(stdout + stderr).trim()} (exit ${code ?? "?"})`;
  }
}

async function execByClientNode(pod: string): Promise<object> {
  const config = new k8s.KubeConfig();
  config.loadFromFile(kubeconfig);
  const written = { out: "", err: "" };
  const into = (name: "out" | "err"): Writable =>
    new Writable({
      write(chunk, _encoding, next) {
        written[name] += String(chunk);
        next();
      },
    });
  const stdin = new PassThrough();
  const command = ["sh", "-c", "cat; echo oops >&2; exit 3"];
  const status = await new Promise<k8s.V1Status>((resolve, reject) => {
    new k8s.Exec(config)
      .exec("default", pod, "echo", command, into("out"), into("err"), stdin, false, resolve)
      .then(() => stdin.end("hello"))
      .catch(reject);
  });
  return { ...written, reason: status.reason, causes: status.details?.causes };
}

const image = ["--image=dev.local/echo", "--port=8080"];
await kubectl("create", "deployment", "echo", ...image);
const rollout = await kubectl("rollout", "status", "deployment/echo", "--timeout=30s");
const pod = await kubectl("get", "pods", "-l", "app=echo", "-o", "jsonpath={.items[0].metadata.name}");
const input = join(dataDir, "input.txt");
const output = join(dataDir, "output.txt");
await writeFile(input, "from outside\n");

const report = {
  rollout: rollout.includes("successfully rolled out"),
  logs: await kubectl("logs", "deployment/echo", "--tail=1"),
  logsByLabel: await kubectl("logs", "-l", "app=echo", "--prefix", "--timestamps").then((text) =>
    /^\[pod\/echo-\S+\/echo\] \d{4}-\S+Z listening as undefined$/.test(text),
  ),
  previous: await kubectl("logs", pod, "--previous"),
  exec: await kubectl("exec", pod, "--", "sh", "-c", "echo out; echo err >&2"),
  exitCode: await kubectl("exec", "deployment/echo", "--", "sh", "-c", "exit 7"),
  missing: await kubectl("exec", pod, "-c", "none", "--", "true"),
  copiedIn: await kubectl("cp", input, `${pod}:/tmp/in.txt`).then(() =>
    kubectl("exec", pod, "--", "cat", "/tmp/in.txt"),
  ),
  copiedOut: await kubectl("cp", `${pod}:/tmp/in.txt`, output).then(() => readFile(output, "utf8")),
  clientNode: await execByClientNode(pod),
  token: (await kubectl("create", "token", "default")).split(".").length,
  ready: await kubectl("wait", "--for=condition=Ready", `pod/${pod}`).then((text) => text.includes("condition met")),
  node: await kubectl("get", "nodes", "-o", "jsonpath={.items[*].status.conditions[?(@.type=='Ready')].status}"),
  described: await kubectl("describe", "pod", pod).then((text) => /Started.*[Ss]tarted container/.test(text)),
  gone: await kubectl("delete", "deployment", "echo", "--cascade=foreground").then(() =>
    kubectl("get", "pods", "-o", "name"),
  ),
};
await close();
process.stdout.write(`${JSON.stringify(report)}\n`);
process.exit(0);
