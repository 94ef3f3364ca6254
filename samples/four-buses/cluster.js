// The cluster, by kubectl and by its cluster-local gateway.
import { spawnSync } from "node:child_process";
import { Agent, request } from "node:http";

const agent = new Agent({ keepAlive: true, maxSockets: 64 });
let gatewayPort;

/** Runs kubectl and gives what it printed. */
export function kubectl(args, input) {
  const { status, stdout, stderr } = spawnSync("kubectl", args, { encoding: "utf8", input });
  if (status === 0) return stdout;
  console.error(`kubectl ${args.join(" ")} failed. Is KUBECONFIG set?\n${stderr}`);
  process.exit(1);
}

/** One object, or a list of them. */
export function read(...words) {
  return JSON.parse(kubectl(["get", ...words, "-o", "json"]));
}

/** Sends a request to any name of the cluster. Gives status 0 when nobody answered. */
export function call(host, { path = "/", method = "GET", headers = {}, body = "" } = {}) {
  gatewayPort ??= read("service", "gateway", "-n", "knative-serving").spec.ports.find(
    ({ name }) => name === "local",
  ).port;
  const options = { agent, host: "127.0.0.1", port: gatewayPort, path, method, headers: { ...headers, host } };
  return new Promise((resolve) => {
    const asked = request(options, async (response) => {
      let text = "";
      for await (const piece of response) text += piece;
      resolve({ status: response.statusCode, text });
    });
    asked.on("error", () => resolve({ status: 0, text: "" }));
    asked.end(body);
  });
}
