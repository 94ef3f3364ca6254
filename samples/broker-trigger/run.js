// Events to a sink that sleeps, in one command: applies the sample, waits until the sink has no pod any more, sends events in
// every form, and shows what the sink got.
import { spawnSync } from "node:child_process";
import { request } from "node:http";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const deadline = Date.now() + 120_000;
const sinkLabel = "serving.knative.dev/service=event-display";

kubectl("apply", "-f", `${here}broker-trigger.yaml`);
kubectl("wait", "--for=condition=Ready", "broker/default", "trigger/greetings", "ksvc/event-display", "--timeout=60s");
const broker = new URL(read("broker", "default").status.address.url);
console.log(`events go to ${broker.href}`);

console.log("waiting until event-display is scaled to zero ...");
await until("no pod of event-display", () => pods().length === 0);

// From this machine the names of the cluster are reached through the cluster-local gateway, by the Host header.
const { ports } = read("service", "gateway", "-n", "knative-serving").spec;
const gatewayPort = ports.find(({ name }) => name === "local").port;
const attributes = (id, type) => ({ specversion: "1.0", id, source: "/samples/run", type });

await send("binary", { ...headersOf(attributes("1", "dev.kelvin.greeting")), "content-type": "text/plain" }, "Hello!");
await send(
  "structured",
  { "content-type": "application/cloudevents+json" },
  JSON.stringify({ ...attributes("2", "dev.kelvin.greeting"), data: "Hello again!" }),
);
await send(
  "batch",
  { "content-type": "application/cloudevents-batch+json" },
  JSON.stringify([
    { ...attributes("3", "dev.kelvin.greeting"), data: "Hello in a batch!" },
    { ...attributes("4", "dev.kelvin.farewell"), data: "Nobody asked for this one." },
  ]),
);

const shown = await until("three events at the sink", () => {
  const events = logs().filter((line) => line.startsWith("event "));
  return events.length >= 3 && events;
});
console.log("event-display, started again by the first of them, got:");
for (const line of shown) console.log(`  ${line}`);

function headersOf(event) {
  return Object.fromEntries(Object.entries(event).map(([name, value]) => [`ce-${name}`, value]));
}

/** Posts to the Broker; 202 says that the event is kept, not that it was delivered. */
async function send(form, headers, body) {
  const options = { host: "127.0.0.1", port: gatewayPort, path: broker.pathname, method: "POST" };
  const status = await new Promise((resolve, reject) => {
    const posted = request({ ...options, headers: { ...headers, host: broker.host } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    posted.on("error", reject);
    posted.end(body);
  });
  console.log(`sent in ${form} form: ${status}`);
  if (status !== 202) fail(`The Broker answered ${status}`);
}

function pods() {
  const { stdout } = spawnSync("kubectl", ["get", "pods", "-l", sinkLabel, "-o", "name"], { encoding: "utf8" });
  return stdout.split("\n").filter((line) => line !== "");
}

function logs() {
  const words = ["logs", "-l", sinkLabel, "-c", "user-container", "--tail=-1"];
  return spawnSync("kubectl", words, { encoding: "utf8" }).stdout.split("\n");
}

async function until(what, look) {
  for (;;) {
    const seen = look();
    if (seen) return seen;
    if (Date.now() > deadline) fail(`Gave up waiting for ${what}; see kubectl describe broker,trigger,ksvc`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

function read(...words) {
  const { stdout } = spawnSync("kubectl", ["get", ...words, "-o", "json"], { encoding: "utf8" });
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
