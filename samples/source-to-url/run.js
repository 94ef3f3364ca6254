// From source to a URL in one command: applies the sample and tells what happens until the URL answers.
import { spawnSync } from "node:child_process";
import { get } from "node:http";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const deadline = Date.now() + 180_000;

kubectl("apply", "-f", `${here}git-server.yaml`);
kubectl("rollout", "status", "deployment/git", "--timeout=60s");
kubectl("apply", "-f", `${here}source-to-url.yaml`);

const told = new Set();
const build = await until("the Build to end", () => {
  const { status = {} } = read("build", "app");
  for (const step of [...(status.sources ?? []), ...(status.steps ?? [])]) tell(step);
  return status.conditions?.find(({ type, status: value }) => type === "Succeeded" && value !== "Unknown");
});
if (build.status !== "True") fail(`The Build failed: ${build.reason}: ${build.message}`);
console.log(`built ${read("build", "app").status.image}`);

const ready = await until("the Service to be ready", () => {
  const { status = {} } = read("ksvc", "app");
  return status.conditions?.find(({ type, status: value }) => type === "Ready" && value === "True") && status;
});
const url = new URL(ready.url);
console.log(`$ curl ${url.href}`);
console.log(await fetchFrom(url));

/** Each line of progress once. */
function tell({ name, reason, exitCode, commit }) {
  if (reason === undefined) return;
  const line = [`step ${name}: ${reason}`, exitCode === undefined ? "" : ` (${exitCode})`, commit ? ` ${commit}` : ""];
  if (told.has(line.join(""))) return;
  told.add(line.join(""));
  console.log(line.join(""));
}

async function until(what, look) {
  for (;;) {
    const seen = look();
    if (seen) return seen;
    if (Date.now() > deadline) fail(`Gave up waiting for ${what}; see kubectl describe build/app ksvc/app`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** `*.localhost` is this machine, whether the resolver knows it or not. */
function fetchFrom({ host, port, pathname }) {
  return new Promise((resolve, reject) => {
    const request = get({ host: "127.0.0.1", port: port || 80, path: pathname, headers: { host } }, (response) => {
      let text = "";
      response.on("data", (chunk) => (text += chunk));
      response.on("end", () => (response.statusCode === 200 ? resolve(text.trim()) : reject(new Error(text))));
    });
    request.on("error", reject);
  });
}

function read(kind, name) {
  const { stdout } = spawnSync("kubectl", ["get", kind, name, "-o", "json"], { encoding: "utf8" });
  return stdout === "" ? {} : JSON.parse(stdout);
}

function kubectl(...args) {
  const { status } = spawnSync("kubectl", args, { stdio: "inherit" });
  if (status !== 0) fail(`kubectl ${args.join(" ")} failed. Is KUBECONFIG set?`);
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
