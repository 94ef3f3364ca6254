// Says who and where it is. Part of pods-on-a-cluster.test.ts.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const server = createServer((request, response) => {
  const url = new URL(request.url, "http://echo").searchParams.get("fetch");
  if (url !== null) {
    answerWith(url, response).catch((error) => response.destroy(error));
    return;
  }
  const token = readFileSync(tokenFile(), "utf8");
  response.end(
    JSON.stringify({ pid: process.pid, podIp: process.env.POD_IP, hasToken: token.split(".").length === 3 }),
  );
});

/** Where there are no mounts, a kubeconfig says where the token is. */
function tokenFile() {
  if (process.env.KUBECONFIG === undefined) return "/var/run/secrets/kubernetes.io/serviceaccount/token";
  return JSON.parse(readFileSync(process.env.KUBECONFIG, "utf8")).users[0].user.tokenFile;
}

/** Asks on from inside this Pod and tells what came of it. */
async function answerWith(url, response) {
  try {
    const answer = await fetch(url, { headers: { connection: "close" } });
    response.end(await answer.text());
  } catch (error) {
    response.end(error.cause?.code ?? String(error));
  }
}

// The same port in every Pod, on all addresses: only a network of its own makes that possible.
server.listen(8080, () => console.log(`listening as ${process.env.POD_NAME}`));
process.on("SIGTERM", () => {
  console.log("stopping");
  process.exit(0);
});
